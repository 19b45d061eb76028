/** The reason that a job's record shows for anything that can be thrown. */
import { inspect, types } from 'node:util'

/** Longer reasons are cut: a reason shares the job's document, and must never be what makes it too large to write. */
const MAX_REASON_LENGTH = 8192

/** A reason for anything that can be thrown: never throws itself, never empty. */
export function reasonOf(thrown: unknown): string {
  let reason: string
  try {
    reason = describe(thrown)
  } catch {
    // A getter, a proxy trap or a `toString` that throws.
    reason = 'a value was thrown that can not be shown'
  }
  return reason.length > MAX_REASON_LENGTH ? `${reason.slice(0, MAX_REASON_LENGTH - 1)}…` : reason
}

function describe(thrown: unknown): string {
  if (typeof thrown === 'string') return thrown === '' ? 'an empty string was thrown' : thrown
  if (isError(thrown)) {
    // Nothing makes the message of an error be a string.
    const message: unknown = thrown.message
    return typeof message === 'string' && message !== '' ? message : thrown.name || 'Error'
  }
  if (typeof thrown === 'object' && thrown !== null) {
    const message: unknown = (thrown as { message?: unknown }).message
    if (typeof message === 'string' && message !== '') return message
  }
  return inspect(thrown, { depth: 2, breakLength: Infinity })
}

/** Also for errors of another realm, such as a `vm` context or Jest's sandbox. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || types.isNativeError(value)
}
