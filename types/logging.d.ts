/** Loggers. */
import type { JobQueue } from './queue.js'

/** A method of a {@link Logger}. It takes fields and a message, or a message alone. durabl itself always passes fields first. */
export type LogFunction = Logger['debug']

/** The logger that durabl writes to; a pino logger fits. Methods may declare their first argument as an object or as anything. */
export interface Logger {
  /** Logs details of durabl's own work. */
  debug(fieldsOrMessage: unknown, message?: string): void
  /** Logs events worth knowing. */
  info(fieldsOrMessage: unknown, message?: string): void
  /** Logs a failure that durabl will try to overcome by itself. */
  warn(fieldsOrMessage: unknown, message?: string): void
  /** Logs a failure that persists, or that durabl will not try again. */
  error(fieldsOrMessage: unknown, message?: string): void
  /**
   * Makes a logger that adds these fields to every entry. A {@link JobQueue} calls it with `{ category: 'JobQueue' }`. Where absent, durabl
   * uses the logger itself.
   */
  child?(bindings: Record<string, unknown>): Logger
}

/** Makes a logger for the console: warnings and errors go to stderr, information to stdout, and debug entries nowhere. */
export function consoleLogger(): Logger

/** The logger that durabl uses by default. It writes warnings and errors to the console. */
export const defaultLogger: Logger
