import type { Logger } from '../types'
import { isolated, watch } from './app-code'

type Level = 'debug' | 'info' | 'warn' | 'error'

/** A {@link Logger} that never throws, even if the one behind it does, and always has all of its methods. */
export interface SafeLogger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

const SILENT: SafeLogger = { debug() {}, info() {}, warn() {}, error() {} }

/** Makes a user's logger safe to call from anywhere: one may throw, lack a method, or be asynchronous and reject. */
export function safeLogger(logger: Partial<Logger> | null | undefined): SafeLogger {
  if (logger == null) return SILENT
  // The method is looked up at each call, as tests replace it, and called on its logger, as pino needs it.
  const call = isolated((level: Level, fields: object, message: string): unknown =>
    logger[level]?.(fields, message),
  )
  const at = (level: Level) => (fields: object, message: string) => {
    try {
      watch(call(level, fields, message), () => {})
    } catch {
      // There is nowhere left to report to.
    }
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** The logger's own child for one part of durabl, if it can make one; else the logger itself. */
export function childFor(logger: Logger, category: string): Logger {
  try {
    const child: unknown = logger.child?.({ category })
    return typeof child === 'object' && child !== null ? (child as Logger) : logger
  } catch {
    return logger
  }
}

/** A logger that writes to the console: warnings and errors to stderr, information to stdout, no debug entries. */
export function consoleLogger(): Logger {
  return onConsole(['info', 'warn', 'error'], null)
}

/** The logger if none is given: the console, warnings and errors only. */
export const defaultLogger: Logger = onConsole(['warn', 'error'], null)

function onConsole(levels: Level[], bindings: Record<string, unknown> | null): Logger {
  const at =
    (level: Level) =>
    (first: unknown, message?: string): void => {
      if (!levels.includes(level)) return
      const isFields = typeof first === 'object'
      const fields = isFields ? { ...bindings, ...first } : bindings
      const text = typeof first === 'string' ? first : (message ?? '')
      // The console is looked up at each call: test runners replace it.
      if (fields === null || Object.keys(fields).length === 0) console[level](`durabl: ${text}`)
      else console[level](`durabl: ${text}`, fields)
    }
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (more) => onConsole(levels, { ...bindings, ...more }),
  }
}
