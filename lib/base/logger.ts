import type { Logger } from '../types'
import { apart, isolated, watch } from './app-code'

type Level = 'debug' | 'info' | 'warn' | 'error'

/** A {@link Logger} that never throws, whatever the one behind it does, and always has all of its methods. */
export interface SafeLogger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  child(bindings: Record<string, unknown>): SafeLogger
}

const SILENT: SafeLogger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => SILENT,
}

/**
 * Makes a user's logger safe to call from anywhere. A logger may throw, lack a method, lack `child`, or be asynchronous
 * and reject; none of it may harm a job.
 */
export function guardLogger(logger: Partial<Logger> | null | undefined): SafeLogger {
  return logger == null ? SILENT : guarded(logger, null)
}

function guarded(logger: Partial<Logger>, bindings: Record<string, unknown> | null): SafeLogger {
  // The method is looked up at each call, as tests replace it, and called on its logger, as pino needs it.
  const call = isolated((level: Level, fields: object, message: string): unknown =>
    logger[level]?.(bindings === null ? fields : { ...bindings, ...fields }, message),
  )
  const at = (level: Level) => (fields: object, message: string) => {
    try {
      watch(call(level, fields, message), () => {})
    } catch {
      // There is nowhere left to report to.
    }
  }
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (more) => guardedChild(logger, bindings, more),
  }
}

/** The logger's own child where it can make one, so that its bindings are serialised once; else one of ours. */
function guardedChild(
  logger: Partial<Logger>,
  bindings: Record<string, unknown> | null,
  more: Record<string, unknown>,
): SafeLogger {
  const merged = { ...bindings, ...more }
  try {
    const child: unknown = apart(() => logger.child?.(merged))
    if (typeof child === 'object' && child !== null) return guarded(child, null)
  } catch {
    // As if it had no `child`.
  }
  return guarded(logger, merged)
}

/** A logger that writes to the console: warnings and errors to stderr, information to stdout, no debug entries. */
export function consoleLogger(): Logger {
  return onConsole(['info', 'warn', 'error'], null)
}

/** What is used where no logger is given: the console, warnings and errors only. */
export const defaultLogger: Logger = onConsole(['warn', 'error'], null)

function onConsole(levels: Level[], bindings: Record<string, unknown> | null): Logger {
  const at =
    (level: Level) =>
    (first: object | string, message?: string): void => {
      if (!levels.includes(level)) return
      const fields = typeof first === 'string' ? bindings : { ...bindings, ...first }
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
