/** Loggers. */

/** One call of a {@link Logger}: fields and a message, or a message alone. */
export interface LogFunction {
  (fields: object, message?: string): void
  (message: string): void
}

/** Where durabl logs to: the shape of a pino logger. */
export interface Logger {
  /** For whoever looks into durabl itself. */
  debug: LogFunction
  /** Worth knowing. */
  info: LogFunction
  /** Something failed and will be tried again. */
  warn: LogFunction
  /** Something keeps failing, or nobody will try again. */
  error: LogFunction
  /** A logger that adds these fields to every entry. Absent: the fields are passed with each entry instead. */
  child?(bindings: Record<string, unknown>): Logger
}

/** A logger that writes to the console: warnings and errors to stderr, information to stdout, no debug entries. */
export function consoleLogger(): Logger

/** What is used where no logger is given: the console, warnings and errors only. */
export const defaultLogger: Logger
