/**
 * What the end of a handler means for its job. This file is the only place that knows; both drivers ask it.
 *
 * | the handler | the job |
 * |---|---|
 * | settles by `ctx` | that settlement, the first one only; the rows below no longer matter |
 * | commits a `ctx.transaction` | completes with it: that is a settlement, too |
 * | ends while its transaction is open | as the transaction decides; if that fails, its error counts as thrown |
 * | returns, resolves | completes |
 * | throws a `FatalJobError` | fails for good |
 * | throws anything else | fails: retried while attempts are left |
 * | runs past `timeoutMs` | is aborted, and fails |
 * | throws after the shutdown aborted it, or has not ended by then | is released, its attempt given back |
 * | loses its lease | nothing is written: the job is another's |
 */
import { inspect, types } from 'node:util'
import { FatalJobError } from './errors'
import type { DurablError } from './errors'
import type { CompleteResult, FailFatalResult, FailResult, ReleaseResult } from './types'

/** How a claim is to end. */
export type VerdictKind = 'complete' | 'fail' | 'failFatal' | 'release'

/** How a claim is to end, and why. */
export interface Verdict {
  readonly kind: VerdictKind
  /** Why, for `fail` and `failFatal`; else null. */
  readonly reason: string | null
}

/** What writing a verdict found. */
export type Settlement = CompleteResult | FailResult | FailFatalResult | ReleaseResult

export const COMPLETE: Verdict = { kind: 'complete', reason: null }
export const RELEASE: Verdict = { kind: 'release', reason: null }

export function failed(reason: unknown): Verdict {
  return { kind: 'fail', reason: reasonOf(reason) }
}

export function failedFatally(reason: unknown): Verdict {
  return { kind: 'failFatal', reason: reasonOf(reason) }
}

/**
 * What a throw means for a run that has not been settled.
 *
 * @param abortReason why the run's signal was aborted; null if it was not
 */
export function verdictOnThrow(thrown: unknown, abortReason: DurablError | null): Verdict {
  if (isFatal(thrown)) return failedFatally(thrown)
  return abortReason?.code === 'ERR_DURABL_SHUT_DOWN' ? RELEASE : failed(thrown)
}

/** By code as well as by class: the error may come from another copy of this package. */
function isFatal(thrown: unknown): boolean {
  try {
    if (thrown instanceof FatalJobError) return true
    return isError(thrown) && (thrown as { code?: unknown }).code === 'ERR_DURABL_FATAL_JOB'
  } catch {
    return false
  }
}

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
function isError(value: unknown): value is Error {
  return value instanceof Error || types.isNativeError(value)
}

/** For when a handler failed and the write that should say so failed as well: neither error may hide the other. */
export function bothFailed(handlerError: unknown, writeError: unknown): AggregateError {
  return new AggregateError(
    [handlerError, writeError],
    `the handler failed (${reasonOf(handlerError)}), and so did recording it (${reasonOf(writeError)})`,
  )
}
