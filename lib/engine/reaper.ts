import { canRecover, recoverStuckJobs } from '../backend/calls'
import { DurablError } from '../base/errors'
import { FailureStreak } from '../base/failure-streak'
import { reasonOf } from '../base/reason'
import { afterIfAlive } from '../base/timers'
import { fromCaller } from '../base/stack'
import type { Cancel } from '../base/timers'
import type { Reporter } from '../run/report'
import type { IJobQueueBackend, ReaperStartResult } from '../types'

/** Jobs that a backend handles in one sweep by default, so that it neither takes long nor holds up others. */
const MAX_PER_SWEEP = 1000
/** There is more: the next sweep comes as soon as others had a turn. */
const SATURATED_WAIT_MS = 1000

/** Inputs of the reaper, from its queue. */
export interface ReaperOptions {
  readonly backend: IJobQueueBackend
  readonly report: Reporter
  readonly visibilityTimeoutMs: number
}

/**
 * Sweeps for jobs whose lease has expired, through the backend's own `recoverStuckJobs`. It keeps no process alive, and a sweep
 * begins only after the one before has ended.
 */
export class Reaper {
  private readonly streak: FailureStreak
  /** Changes with every start and stop: late work of an older generation has no effect. */
  private generation = 0
  private running = false
  /** While the first sweep is under way. */
  private starting: Promise<ReaperStartResult> | null = null
  private cancelWait: Cancel | null = null

  constructor(private readonly options: ReaperOptions) {
    this.streak = new FailureStreak(options.report.logger, 'recovering jobs of expired leases', {})
  }

  /**
   * Sweeps now, then at every interval. Calls during the first sweep get the same promise.
   *
   * @throws DurablError if the backend can't recover jobs
   */
  start(intervalMs: number): Promise<ReaperStartResult> {
    if (this.starting !== null) return this.starting
    if (this.running) return Promise.resolve({ status: 'already-running' })
    if (!canRecover(this.options.backend)) throw cantRecover()
    this.running = true
    const generation = (this.generation += 1)
    const starting = this.sweep('startup').then((handled): ReaperStartResult => {
      if (generation === this.generation) this.starting = null
      this.next(generation, intervalMs, handled)
      return { status: 'started', recovered: handled }
    })
    this.starting = starting
    return starting
  }

  /** Sweeps at intervals that vary by a fifth, beginning with a part of one: the processes of a deploy start together. */
  startJittered(intervalMs: number): void {
    if (this.running) return
    this.running = true
    const generation = (this.generation += 1)
    this.sweepIn(generation, intervalMs, Math.random() * intervalMs, true)
  }

  stop(): void {
    this.running = false
    this.starting = null
    this.generation += 1
    this.cancelWait?.()
  }

  private next(generation: number, intervalMs: number, handled: number | null, jitter = false): void {
    const saturated = handled !== null && handled >= MAX_PER_SWEEP
    const wait = saturated ? Math.min(SATURATED_WAIT_MS, intervalMs) : intervalMs
    this.sweepIn(generation, intervalMs, jitter ? wait * (0.8 + 0.4 * Math.random()) : wait, jitter)
  }

  private sweepIn(generation: number, intervalMs: number, waitMs: number, jitter: boolean): void {
    if (generation !== this.generation) return
    this.cancelWait = afterIfAlive(waitMs, () => {
      void this.sweep('periodic').then((handled) => this.next(generation, intervalMs, handled, jitter))
    })
  }

  /** Sweeps, and counts the jobs that were handled. Null if the sweep failed, which is reported and never thrown. */
  private async sweep(phase: 'startup' | 'periodic'): Promise<number | null> {
    const { backend, report, visibilityTimeoutMs } = this.options
    try {
      const handled = (await recoverStuckJobs(backend, visibilityTimeoutMs)) ?? 0
      this.streak.succeeded()
      report.recovered(handled, handled >= MAX_PER_SWEEP)
      return handled
    } catch (err) {
      this.streak.failed(err)
      report.recoveryFailed(phase, reasonOf(err))
      return null
    }
  }
}

function cantRecover(): DurablError {
  return fromCaller(
    new DurablError(
      'ERR_DURABL_UNSUPPORTED',
      'startReaper: this backend has no recoverStuckJobs(), so it recovers no jobs',
    ),
  )
}
