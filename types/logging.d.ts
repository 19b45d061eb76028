/** Loggers. */
import type { JobQueue } from './queue.js'

/** One method of a {@link Logger}: takes fields and a message, or a message alone. durabl itself always passes fields first. */
export type LogFunction = Logger['debug']

/** Where durabl logs to: the shape of a pino logger. Methods that take an object first, or anything, both fit. */
export interface Logger {
  /** Details of durabl's own work. */
  debug(fieldsOrMessage: unknown, message?: string): void
  /** Worth knowing. */
  info(fieldsOrMessage: unknown, message?: string): void
  /** Something failed and will be tried again. */
  warn(fieldsOrMessage: unknown, message?: string): void
  /** Something keeps failing, or will not be tried again. */
  error(fieldsOrMessage: unknown, message?: string): void
  /**
   * Makes a logger that adds these fields to every entry. A {@link JobQueue} asks for `{ category: 'JobQueue' }`. Absent: the logger
   * itself is used.
   */
  child?(bindings: Record<string, unknown>): Logger
}

/** A logger that writes to the console: warnings and errors to stderr, information to stdout, no debug entries. */
export function consoleLogger(): Logger

/** The logger where none is given: the console, warnings and errors only. */
export const defaultLogger: Logger
