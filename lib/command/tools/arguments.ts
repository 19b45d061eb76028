/** Words of a shell: exit codes, and options as values. */

/** The answer is no: not found, nothing changed, not healthy. */
export const NEGATIVE = 1
/** The words make no sense. */
export const USAGE = 2
/** The server can't be reached, or refuses. */
export const SERVER = 3

export class UsageError extends Error {}

export type Values = Readonly<Record<string, string | boolean | readonly string[] | undefined>>

export function atMost(count: number, positionals: readonly string[]): void {
  if (positionals.length > count)
    throw new UsageError(`Too many arguments: ${positionals.slice(count).join(' ')}`)
}

export function one(what: string, positionals: readonly string[]): string {
  atMost(1, positionals)
  const [first] = positionals
  if (first === undefined || first === '') throw new UsageError(`${what} is missing`)
  return first
}

export const textIn = (values: Values, name: string): string | undefined => {
  const value = values[name]
  return typeof value === 'string' ? value : undefined
}

/** A moment in the form of the command's own output. */
export function momentOf(what: string, text: string | undefined): Date {
  const moment = new Date(text ?? '')
  if (text === undefined || !/^\d{4}-\d\d-\d\dT/.test(text) || Number.isNaN(moment.getTime())) {
    throw new UsageError(
      `${what} must be as 2030-01-01T06:00:00Z; got ${text === undefined ? 'none' : JSON.stringify(text)}`,
    )
  }
  return moment
}

export function wholeIn(
  values: Values,
  name: string,
  fallback: number,
  most = Number.MAX_SAFE_INTEGER,
): number {
  const text = textIn(values, name)
  if (text === undefined) return fallback
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0 || value > most || text.trim() === '') {
    throw new UsageError(`--${name} must be a whole number from 0 to ${most}; got ${JSON.stringify(text)}`)
  }
  return value
}
