/** The reason that a job's record shows for anything that can be thrown. */
import { inspect, types } from 'node:util'
import { stackOf } from './stack'

/** Longer reasons are cut: a reason shares the job's document, and must never make it too large to write. */
const MAX_REASON_LENGTH = 8192
/** The most errors behind an error that a reason shows. */
const MOST_BEHIND = 10

/** A reason for anything that can be thrown: never throws itself, never empty. */
export function reasonOf(thrown: unknown): string {
  let reason: string
  try {
    reason = describe(thrown)
  } catch {
    // A getter, a proxy trap or a `toString` that throws.
    reason = 'a value was thrown that cannot be shown'
  }
  return reason.length > MAX_REASON_LENGTH ? `${reason.slice(0, MAX_REASON_LENGTH - 1)}…` : reason
}

/** The stack of an error that was thrown, cut as reasons are; null for anything else. */
export function stackBehind(thrown: unknown): string | null {
  const stack = isError(thrown) ? stackOf(thrown) : null
  return stack === null || stack === '' ? null : stack.slice(0, MAX_REASON_LENGTH)
}

function describe(thrown: unknown): string {
  if (typeof thrown === 'string') return thrown === '' ? 'an empty string was thrown' : thrown
  if (isError(thrown)) {
    const behind = reasonsBehind(thrown)
    return behind.length === 0 ? messageOf(thrown) : `${messageOf(thrown)} (${behind.join('; ')})`
  }
  if (typeof thrown === 'object' && thrown !== null) {
    const message: unknown = (thrown as { message?: unknown }).message
    if (typeof message === 'string' && message !== '') return message
  }
  return inspect(thrown, { depth: 2, breakLength: Infinity })
}

/** Nothing makes the message of an error be a string. */
function messageOf(error: Error): string {
  const message: unknown = error.message
  return typeof message === 'string' && message !== '' ? message : error.name || 'Error'
}

/**
 * The messages of an error's `errors` and `cause`, and of those behind them, each once. `fetch failed` alone explains nothing. Bounded, as
 * causes may lead in a circle.
 */
function reasonsBehind(error: Error): string[] {
  const seen = new Set<unknown>([error])
  const reasons = new Set<string>()
  const waiting = nextBehind(error)
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    if (seen.has(next)) continue
    if (reasons.size === MOST_BEHIND) return [...reasons, '…']
    seen.add(next)
    reasons.add(isError(next) ? messageOf(next) : shortly(next))
    if (isError(next)) waiting.push(...nextBehind(next))
  }
  reasons.delete(messageOf(error))
  return [...reasons]
}

function nextBehind(error: Error): unknown[] {
  const { cause, errors } = error as { cause?: unknown; errors?: unknown }
  const all: unknown[] = Array.isArray(errors) ? errors.slice(0, MOST_BEHIND + 1) : []
  return [...all, cause].filter((value) => value !== undefined && value !== null)
}

function shortly(value: unknown): string {
  return typeof value === 'string' ? value : inspect(value, { depth: 0, breakLength: Infinity })
}

/** True even for errors of another realm, such as a `vm` context or Jest's sandbox. */
export function isError(value: unknown): value is Error {
  return isInstance(value, Error) || types.isNativeError(value)
}

/** As `instanceof`, for any value: a revoked proxy has no prototype to look at, and is no instance of anything. */
export function isInstance<T>(value: unknown, constructor: abstract new (...args: never[]) => T): value is T {
  try {
    return value instanceof constructor
  } catch {
    return false
  }
}
