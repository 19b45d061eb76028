import type { Settled, Verdict } from '../backend/verdict'
import type { Emit } from '../base/events'
import type { SafeLogger } from '../base/logger'
import type { Job, JobChange, JobEvent, LeaseOperation, RecoveredJob } from '../types'

const ENDED: ReadonlySet<Settled['status']> = new Set(['completed', 'failed-terminal', 'superseded'])

/**
 * Reports the fate of a claim to the user's event listener and the log: always both, always the same way. It makes no difference if the queue
 * ran the job or its owner settled it by hand.
 */
export class Reporter {
  constructor(
    private readonly emit: Emit<JobEvent> | null,
    readonly logger: SafeLogger,
    /** Reports each change of a job by a call, once. Null without a listener: called by `?.`, it costs no object then. */
    readonly change: Emit<JobChange> | null = null,
  ) {}

  private ended: (id: string) => void = () => {}

  /** Sets the listener that hears of each job that a settlement has ended. */
  onEnd(listener: (id: string) => void): void {
    this.ended = listener
  }

  claimed(job: Job): void {
    this.emit?.({ kind: 'claimed', type: job.type, jobId: job.id, attempt: job.attempt })
  }

  /** Reports the result of writing a verdict. `err` is the handler's error, if the verdict comes from one. */
  settled(job: Job, verdict: Verdict, found: Settled, durationMs: number, err?: unknown): void {
    const { type, id: jobId, attempt, maxAttempts } = job
    const reason = verdict.reason ?? ''
    if (ENDED.has(found.status)) this.ended(jobId)
    switch (found.status) {
      case 'completed':
        this.emit?.({ kind: 'completed', type, jobId, durationMs })
        return
      case 'retry-scheduled':
        if (this.emit !== null) {
          const terminal = false
          const event: FailureEvent = {
            kind: 'failed',
            type,
            jobId,
            durationMs,
            attempt,
            maxAttempts,
            terminal,
            reason,
          }
          this.emit(withCause(event, job, err))
        }
        this.logger.warn(
          { type, jobId, attempt, maxAttempts, reason, ...cause(err) },
          'job failed and will be retried',
        )
        return
      case 'failed-terminal':
        this.failedForGood(job, verdict, durationMs, err)
        return
      case 'superseded':
        this.emit?.({ kind: 'superseded', type, jobId, durationMs, reason })
        this.logger.info(
          { type, jobId, attempt, reason, ...cause(err) },
          'job ended: a newer one of its key covers its work',
        )
        return
      case 'cancelled':
        if (this.emit !== null) {
          const why = reason === '' ? 'cancelled' : reason
          this.emit(
            withHidden({ kind: 'fail-fatal', type, jobId, durationMs, reason: why }, { ending: 'cancelled' }),
          )
        }
        this.logger.info({ type, jobId, attempt, ...cause(err) }, 'job cancelled')
        return
      case 'released':
        this.putOff(job, verdict)
        this.logger.debug({ type, jobId, attempt }, 'job released')
        return
      case 'lease-lost':
        this.leaseLost(job, verdict.kind, durationMs)
        return
      case 'already-terminal':
        this.logger.warn(
          { type, jobId, op: verdict.kind, terminalStatus: found.terminalStatus },
          'job had ended before this run settled it; nothing was changed',
        )
        return
      case 'not-found':
        this.logger.warn({ type, jobId, op: verdict.kind }, 'job was removed before this run settled it')
    }
  }

  /** A job waits, without a slot and without spending an attempt. */
  private putOff({ type, id: jobId }: Job, { delayMs, parkedUntil }: Verdict): void {
    if (parkedUntil !== undefined)
      this.change?.({ kind: 'parked', type, jobId, waitsFor: 'sleep', until: new Date(parkedUntil) })
    else if (delayMs !== null) this.change?.({ kind: 'deferred', type, jobId, delayMs })
  }

  private failedForGood(job: Job, verdict: Verdict, durationMs: number, err: unknown): void {
    const { type, id: jobId, attempt, maxAttempts } = job
    const reason = verdict.reason ?? ''
    if (this.emit !== null) {
      const event: FailureEvent =
        verdict.kind === 'failFatal'
          ? { kind: 'fail-fatal', type, jobId, durationMs, reason }
          : { kind: 'failed', type, jobId, durationMs, attempt, maxAttempts, terminal: true, reason }
      this.emit(withCause(event, job, err))
    }
    this.logger.error({ type, jobId, attempt, maxAttempts, reason, ...cause(err) }, 'job failed for good')
  }

  /** The shutdown gave a claim back. */
  shutdownReleased(job: Job): void {
    this.emit?.({ kind: 'shutdown-released', type: job.type, jobId: job.id })
    this.logger.info({ type: job.type, jobId: job.id }, 'job released by the shutdown')
  }

  leaseLost(job: Job, op: LeaseOperation, durationMs: number): void {
    this.emit?.({ kind: 'lease-lost', type: job.type, jobId: job.id, durationMs, op })
    this.logger.warn(
      { type: job.type, jobId: job.id, op },
      'lease lost: nothing that this run does counts any more',
    )
  }

  /** A verdict could not be written. The job stays claimed until its lease expires, and then runs again. */
  writeFailed(job: Job, verdict: Verdict, err: unknown): void {
    this.logger.error(
      { type: job.type, jobId: job.id, op: verdict.kind, err },
      'settlement could not be written: the job will run again once its lease has expired',
    )
  }

  /** Reports that the handler's result can't be kept. The job completes without it. */
  resultDropped({ type, id: jobId }: Job, err: unknown): void {
    this.logger.warn({ type, jobId, err }, 'job result: it cannot be kept, and is dropped')
  }

  /** A handler threw and nothing was left to decide. That is usual after an abort; before one it is worth a warning. */
  threwTooLate(job: Job, err: unknown, wasAborted: boolean): void {
    const fields = { type: job.type, jobId: job.id, err }
    if (wasAborted) this.logger.debug(fields, 'aborted handler threw')
    else this.logger.warn(fields, 'handler threw after it had settled its job; the job stays settled')
  }

  recovered(handled: number, saturated: boolean, jobs?: readonly RecoveredJob[]): void {
    if (handled === 0) return
    const event: JobEvent = { kind: 'reaper-recovered', handled, saturated }
    this.emit?.(withHidden(event, { jobs }))
    this.logger.info({ handled, saturated }, 'recovered jobs whose lease had expired')
    for (const { type, jobId, attempt, maxAttempts, ending } of jobs ?? []) {
      if (ending !== 'exhausted') continue
      this.logger.error(
        { type, jobId, attempt, maxAttempts },
        'job failed for good: its worker is gone, and its last attempt with it',
      )
    }
  }

  recoveryFailed(phase: 'startup' | 'periodic', message: string): void {
    this.emit?.({ kind: 'reaper-error', phase, message })
  }
}

type FailureEvent = Extract<JobEvent, { kind: 'failed' | 'fail-fatal' }>

/** The error and the job of a failure. The job comes without the token, which only its owner has. */
function withCause(event: FailureEvent, job: Job, error: unknown): FailureEvent {
  const shown = { ...job }
  delete shown.claimToken
  return withHidden(event, { error, job: shown, ...(event.kind === 'fail-fatal' && { ending: 'fatal' }) })
}

/** Adds parts that comparisons and prints of events do not show. */
function withHidden<E extends JobEvent>(event: E, parts: Record<string, unknown>): E {
  for (const [name, value] of Object.entries(parts)) Object.defineProperty(event, name, { value })
  return event
}

/** The error behind a failure as a log field, if there is one: a job that was failed by hand has none. */
function cause(err: unknown): { err?: unknown } {
  return err === undefined ? {} : { err }
}
