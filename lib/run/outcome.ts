/**
 * The effect of a handler's end on its job. This file is the only place that knows.
 *
 * | the handler | the job |
 * |---|---|
 * | settles by `ctx` | that settlement, the first one only; the rows below no longer matter |
 * | commits a `ctx.transaction` | completes with it: that is a settlement, too |
 * | ends while its transaction is open | as the transaction decides; if that fails, its error counts as thrown |
 * | returns, resolves | completes |
 * | returns after the shutdown aborted it, and has read `ctx.signal` | is released, its attempt given back |
 * | throws a `DeferJobError` | waits again, its attempt given back |
 * | sleeps, as an orchestration can | parks: waits until its time, its attempt given back |
 * | throws a `FatalJobError`, or a fatal error of orchestrations | fails for good |
 * | throws anything else | fails: retried while attempts are left |
 * | runs past `timeoutMs` | is aborted, and fails |
 * | throws after the shutdown aborted it, or has not ended by then | is released, its attempt given back |
 * | loses its lease | nothing is written: the job is another's |
 */
import { RELEASE, deferred, failed, failedFatally, parked } from '../backend/verdict'
import type { Verdict } from '../backend/verdict'
import { DeferJobError, FatalJobError } from '../base/errors'
import { isFatalOrchestrationError } from '../base/orchestration-errors'
import type { DurablError } from '../base/errors'
import { isError, isInstance, reasonOf } from '../base/reason'

/**
 * Judges a throw of a run that has not been settled.
 *
 * @param abortReason the reason for which the run's signal was aborted; null if it was not
 */
export function verdictOnThrow(thrown: unknown, abortReason: DurablError | null): Verdict {
  const delayMs = deferralOf(thrown)
  if (delayMs !== null) return deferred(delayMs)
  if (isInstance(thrown, Parked)) return parked(thrown.untilMs, thrown.delayMs)
  if (isFatal(thrown)) return failedFatally(thrown)
  if (isInstance(thrown, GivenBack)) return RELEASE
  return abortReason?.code === 'ERR_DURABL_SHUT_DOWN' ? RELEASE : failed(thrown)
}

/** Thrown by a handler of this package to give its job back, with its attempt. */
export class GivenBack extends Error {}

/** Thrown by a handler of this package whose job is to park until a moment, in milliseconds since the epoch. */
export class Parked extends Error {
  constructor(
    readonly untilMs: number,
    readonly delayMs: number,
  ) {
    super('the job parks')
  }
}

/** The wait that a handler has asked for by deferring its job, in milliseconds; null if it has not deferred. */
function deferralOf(thrown: unknown): number | null {
  try {
    if (thrown instanceof DeferJobError) return thrown.delayMs
    if (!isError(thrown) || (thrown as { code?: unknown }).code !== 'ERR_DURABL_DEFERRED') return null
    const { delayMs } = thrown as { delayMs?: unknown }
    return typeof delayMs === 'number' && delayMs >= 0 ? delayMs : null
  } catch {
    return null
  }
}

/** By code as well as by class: the error may come from another copy of this package. */
function isFatal(thrown: unknown): boolean {
  try {
    if (thrown instanceof FatalJobError || isFatalOrchestrationError(thrown)) return true
    return isError(thrown) && (thrown as { code?: unknown }).code === 'ERR_DURABL_FATAL_JOB'
  } catch {
    return false
  }
}

/** The error if a handler failed and the write that should say so failed as well: neither error may hide the other. */
export function bothFailed(handlerError: unknown, writeError: unknown): AggregateError {
  return new AggregateError(
    [handlerError, writeError],
    `the handler failed (${reasonOf(handlerError)}), and so did recording it (${reasonOf(writeError)})`,
  )
}
