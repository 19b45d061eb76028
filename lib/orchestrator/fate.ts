/** The known end of an attempt: errors and ends that count even if the orchestration catches or ignores them. */
import { LeaseLostError } from '../base/errors'
import { isFatalOrchestrationError } from '../base/orchestration-errors'
import { isError, reasonOf } from '../base/reason'
import { isLeaseLost, isShutDown } from './ends'
import type { Outcome } from './host'

interface Caught {
  readonly error: unknown
}

export class Fate {
  /** Set once no step may begin any more. */
  refusal: Caught | null = null
  isStopping = false
  isLost = false
  /** Ends the job for good. */
  private fatal: Caught | null = null
  /** The lease was lost before the orchestration was done. */
  private wasCutOff = false
  /** A step was refused, so the orchestration has not been done. */
  private wasRefused = false

  /** @throws why no step may begin */
  check(): void {
    if (this.fatal !== null) throw this.fatal.error
    if (this.refusal === null) return
    this.wasRefused = true
    throw this.refusal.error
  }

  /** Remembers an error after which nothing else may become of the job. */
  fail(error: unknown): unknown {
    if (isFatalOrchestrationError(error)) this.fatal ??= { error }
    return error
  }

  /** The run is no longer wanted. */
  abort(reason: unknown): unknown {
    this.isLost ||= isLeaseLost(reason)
    this.isStopping ||= isShutDown(reason)
    return this.refuse(reason)
  }

  /** No step begins any more. Returns the error that says so. */
  refuse(reason: unknown): unknown {
    if (this.refusal === null || this.isLost) {
      const error = isError(reason) ? reason : new LeaseLostError('ERR_DURABL_LEASE_LOST', reasonOf(reason))
      this.refusal = { error }
    }
    return this.refusal.error
  }

  cutOff(): void {
    this.wasCutOff = true
  }

  /** The outcome that counts for an attempt that has ended so. */
  of(outcome: Outcome): Outcome {
    if (this.isLost && (this.wasCutOff || this.wasRefused || outcome.kind !== 'returned'))
      return { kind: 'cut-off' }
    if (this.fatal !== null) return { kind: 'threw', error: this.fatal.error }
    if (this.isStopping && this.wasRefused) return { kind: 'stopped' }
    return outcome.kind === 'returned' ? { kind: 'returned', isLost: this.isLost } : outcome
  }
}
