/** The app's telemetry, called so that it never harms a job: even if it throws, each call and each handler runs, and runs once. */
import type { ClientSession } from 'mongodb'
import { afterTransaction } from '../backend/after-transaction'
import { hasCommitted, transactionOf } from '../backend/session-state'
import type { Settled } from '../backend/verdict'
import { watch } from '../base/app-code'
import type { SafeLogger } from '../base/logger'
import { monotonicNow } from '../base/timers'
import type { Job, JobTrace, MakingCall, MakingEnd, MakingObserver, RunEnd, RunObserver } from '../types'
import type { Telemetry } from '../types'
import { TRACE } from '../validate'

/** The part that observers of both kinds have. */
type Around = Pick<RunObserver, 'run'>

export class SafeTelemetry {
  private hasWarned = false

  constructor(
    private readonly telemetry: Telemetry,
    private readonly logger: SafeLogger,
  ) {}

  /**
   * Has a call that makes jobs followed.
   *
   * @param session of the transaction that decides if it has made any; null for none
   * @param make given the trace to be stored with the jobs, if there is one
   * @param idsOf the ids of the jobs that it has made
   */
  async making<R>(
    call: MakingCall,
    session: ClientSession | null,
    make: (trace: JobTrace | null) => Promise<R>,
    idsOf: (result: R) => string[],
  ): Promise<R> {
    const since = monotonicNow()
    const observer = this.guarded(() => this.telemetry.making(call))
    if (observer === null) return make(null)
    const ended = this.endOf(observer, session)
    try {
      const result = await this.within(observer, () => make(this.traceOf(observer)))
      ended({ ids: idsOf(result), durationMs: monotonicNow() - since })
      return result
    } catch (error) {
      ended({ ids: [], error, durationMs: monotonicNow() - since })
      throw error
    }
  }

  /** A handler is about to start. */
  running(job: Job): FollowedRun | null {
    const observer = this.guarded(() => this.telemetry.running(job))
    if (observer === null) return null
    return {
      run: (handler) => this.within(observer, handler),
      ended: (end) => void this.guarded(() => observer.ended(end)),
    }
  }

  /** Tells the end of a call: in a transaction when that has committed, and not at all if it does not. */
  private endOf(observer: MakingObserver, session: ClientSession | null): (end: MakingEnd) => void {
    const tell = (end: MakingEnd) => void this.guarded(() => observer.ended(end))
    if (session === null) return tell
    const transaction = transactionOf(session)
    return (end) =>
      afterTransaction(session, () => {
        if (hasCommitted(transaction)) tell(end)
      })
  }

  private traceOf(observer: MakingObserver): JobTrace | null {
    const trace = this.guarded(() => observer.trace)
    if (trace === null || trace === undefined) return null
    const reading = TRACE.read(trace)
    if ('value' in reading) return reading.value
    this.warn(new TypeError(`its trace must be ${TRACE.allowed}`))
    return null
  }

  private within<R>(observer: Around, call: () => R): R {
    const once = new Once(call)
    try {
      // An asynchronous one may return a promise of its own, that rejects as the handler does.
      watch(
        observer.run(() => once.result()),
        () => {},
      )
    } catch (err) {
      if (!once.hasThrown) this.warn(err)
    }
    return once.result()
  }

  private guarded<R>(call: () => R): R | null {
    try {
      const returned = call()
      watch(returned, (err) => this.warn(err))
      return returned
    } catch (err) {
      this.warn(err)
      return null
    }
  }

  private warn(err: unknown): void {
    if (this.hasWarned) return
    this.hasWarned = true
    this.logger.warn({ err }, 'telemetry threw; this is reported once, and jobs go on without it')
  }
}

/** An observer of one run that never throws. */
export interface FollowedRun {
  run<R>(handler: () => R): R
  ended(end: RunEnd): void
}

/** A run that is over. */
interface Over {
  readonly found: Settled | null
  readonly failure: object | null
  readonly failed: { readonly error: unknown } | null
}

export function endOf({ found, failure, failed }: Over, reason: string | null, durationMs: number): RunEnd {
  return {
    // Without a verdict that was written the lease is left to expire.
    status: found?.status ?? (failure === null ? 'lease-lost' : 'not-written'),
    ...(failed !== null && failed.error !== undefined && { error: failed.error }),
    ...(reason !== null && { reason }),
    durationMs,
  }
}

/** A call that is made once, however often its result is asked for. */
class Once<R> {
  private outcome: { readonly value: R } | { readonly thrown: unknown } | null = null

  constructor(private readonly call: () => R) {}

  get hasThrown(): boolean {
    return this.outcome !== null && 'thrown' in this.outcome
  }

  result(): R {
    this.outcome ??= this.called()
    if ('thrown' in this.outcome) throw this.outcome.thrown
    return this.outcome.value
  }

  private called() {
    try {
      return { value: this.call() }
    } catch (thrown) {
      return { thrown }
    }
  }
}
