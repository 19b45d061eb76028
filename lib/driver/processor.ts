import { Deferred } from '../base/deferred'
import { afterIfAlive, afterIo, monotonicNow } from '../base/timers'
import type { Engine } from '../engine/engine'
import type { ManagedRun } from '../run/run'
import type { Run, RunListener } from '../run/settler'
import type { EngineSettler } from './settler'
import { Fifo } from './fifo'
import type { RunSet } from './run-set'

/** Time that handlers may start one after the other before timers and I/O get a turn. */
const BURST_MS = 10
/** Time for which the engine's word that the process still holds a job counts. Much less than the margin of all but the shortest leases. */
const BELIEF_MS = 100
/** Time that jobs wait for handlers that do not end before they are given back; up to twice as long. */
const STALL_MS = 3000

/**
 * Runs the claimed jobs of one type that the engine hands over. Up to `concurrency` handlers run at once, the next one as soon as one has
 * ended. The verdicts travel meanwhile; the engine bounds the jobs that it hands over ahead of them. It hears of each slot that comes free, so
 * that it claims for those alone.
 */
export class ProcessorSlots implements RunListener {
  private readonly waiting = new Fifo<ManagedRun>()
  private running = 0
  private starting = false
  private startsLater = false
  private burstEnds = 0
  /** Count of all runs started so far. A count that moves tells a busy processor from a stalled one. */
  private started = 0
  private watchesForStall = false
  /** Runs that have not ended. */
  private readonly open = new Set<Run>()
  private whenIdle: Deferred<void> | null = null
  private isStopped = false

  constructor(
    private concurrency: number,
    private readonly runs: RunSet,
    private readonly settler: EngineSettler,
    private readonly engine: Pick<Engine, 'goneAmong'>,
    /** False if the user has set the number of jobs to hold. */
    private readonly givesBack: boolean,
  ) {}

  /** Queues a claimed job that the process holds `now`; {@link startRuns} starts it when its turn has come. */
  accept(run: ManagedRun, now: number): void {
    run.oursAt = now
    this.waiting.push(run)
  }

  slotFreed(run: Run): void {
    this.settler.slotFreed(run)
    this.running -= 1
    // A handler may end before `start` returns; then the loop there goes on by itself, and the stack stays flat.
    if (!this.starting) this.startWithinBurst()
  }

  ended(run: Run): void {
    this.settler.ended(run)
    this.runs.remove(run)
    this.open.delete(run)
    if (this.open.size === 0) this.whenIdle?.resolve()
  }

  /** A run of this processor's begins, which {@link idle} waits for. */
  expect(run: Run): void {
    this.open.add(run)
  }

  /** Resolves when no run is left. */
  idle(): Promise<void> {
    if (this.open.size === 0) return Promise.resolve()
    this.whenIdle ??= new Deferred()
    return this.whenIdle.promise
  }

  /** Jobs that come now would wait for long, or for good. */
  get takesNone(): boolean {
    return this.isStopped || this.concurrency === 0
  }

  /** No handler is started from now on. */
  stop(): void {
    this.isStopped = true
    this.releaseWaiting()
  }

  /** Running handlers go on. With 0, jobs that wait for one would wait for long. */
  setConcurrency(concurrency: number): void {
    this.concurrency = concurrency
    if (concurrency === 0) this.releaseWaiting()
    else if (!this.starting) this.startRuns()
  }

  private releaseWaiting(): void {
    for (let run = this.waiting.shift(); run !== undefined; run = this.waiting.shift()) run.release()
  }

  /** Starts what can start. Called at the beginning of a turn of the event loop. */
  startRuns(): void {
    this.startsLater = false
    this.burstEnds = monotonicNow() + BURST_MS
    this.startWithinBurst()
  }

  /** Handlers that never wait for I/O would otherwise run a whole backlog before a timer fires or a signal is seen. */
  private startWithinBurst(): void {
    this.starting = true
    while (this.running < this.concurrency && this.waiting.length > 0) {
      const now = monotonicNow()
      if (now > this.burstEnds) {
        this.startAfterIo()
        break
      }
      const run = this.waiting.shift()
      // The run was released or lost while it waited.
      if (run === undefined || !run.isWaiting || !this.isOurs(run, now)) continue
      this.running += 1
      this.started += 1
      run.start()
    }
    this.starting = false
    if (this.waiting.length > 0) this.watchForStall()
  }

  /**
   * A process that was stopped, or whose event loop was blocked, may have lost leases meanwhile, and learns it only after this turn. Then the
   * event that comes ends the run.
   */
  private isOurs(run: ManagedRun, now: number): boolean {
    return now - run.oursAt < BELIEF_MS || this.engine.goneAmong(Uint32Array.of(run.id)).length === 0
  }

  private startAfterIo(): void {
    if (this.startsLater) return
    this.startsLater = true
    afterIo(() => this.startRuns())
  }

  /**
   * The engine hands over some jobs ahead, by how long handlers usually take. When they suddenly take much longer, those jobs
   * would wait here, their leases renewed, while other workers have free slots.
   */
  private watchForStall(): void {
    if (this.watchesForStall || !this.givesBack) return
    this.watchesForStall = true
    const startedBefore = this.started
    afterIfAlive(STALL_MS, () => {
      this.watchesForStall = false
      if (this.started === startedBefore) this.giveWaitingBack()
      else if (this.waiting.length > 0) this.watchForStall()
    })
  }

  private giveWaitingBack(): void {
    for (let run = this.waiting.shift(); run !== undefined; run = this.waiting.shift()) run.giveBack(STALL_MS)
  }
}
