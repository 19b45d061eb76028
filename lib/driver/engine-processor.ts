import type { ManagedRun, RunOwner } from '../managed-run'
import { afterIo, monotonicNow } from '../timers'
import { Fifo } from './fifo'
import type { RunSet } from './run-set'

/** Handlers may start one after the other for so long before timers and I/O get a turn. */
const BURST_MS = 10

/**
 * Runs the claimed jobs of one type that the engine hands over: up to `concurrency` handlers at once, the next one as soon
 * as one has ended. The verdicts travel meanwhile; the engine bounds how many jobs it hands over ahead of them.
 */
export class EngineProcessor implements RunOwner {
  private readonly waiting = new Fifo<ManagedRun>()
  private running = 0
  private starting = false
  private startsLater = false
  private burstEnds = 0

  constructor(
    private readonly concurrency: number,
    private readonly runs: RunSet,
  ) {}

  /** Queues a claimed job; {@link startRuns} starts it when its turn has come. */
  accept(run: ManagedRun): void {
    this.waiting.push(run)
  }

  slotFreed(): void {
    this.running -= 1
    // A handler may end before `start` returns; then the loop there goes on by itself, and the stack stays flat.
    if (!this.starting) this.startWithinBurst()
  }

  ended(run: ManagedRun): void {
    this.runs.remove(run)
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
      if (monotonicNow() > this.burstEnds) {
        this.startAfterIo()
        break
      }
      const run = this.waiting.shift()
      // Released or lost while it waited.
      if (run === undefined || !run.isWaiting) continue
      this.running += 1
      run.start()
    }
    this.starting = false
  }

  private startAfterIo(): void {
    if (this.startsLater) return
    this.startsLater = true
    afterIo(() => this.startRuns())
  }
}
