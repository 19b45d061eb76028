import { canRelease, heartbeat, heldOrReadBack, settle, writeLog } from '../backend/calls'
import type { Settled, Verdict } from '../backend/verdict'
import type { SafeLogger } from '../base/logger'
import type { Run, Settler } from '../run/settler'
import type { HeartbeatResult, IJobQueueBackend } from '../types'
import { LeaseKeeper } from './lease-keeper'
import type { LeaseTerms } from './lease-keeper'

/** Settles runs through the methods of any backend, and keeps their leases meanwhile. */
export class JsSettler implements Settler {
  private readonly keepers = new Map<Run, LeaseKeeper>()

  constructor(
    private readonly backend: IJobQueueBackend,
    private readonly logger: SafeLogger,
    /** There may be work of this type, for slots that are free. */
    private readonly wake: (type: string) => void,
  ) {}

  /** Keeps the run's lease from now on, until the run is settled. */
  keepLease(run: Run, terms: LeaseTerms, sentAt: number): void {
    const { type, id: jobId } = run.job
    const keeper = new LeaseKeeper(
      run,
      terms,
      () => heartbeat(this.backend, run.job),
      (err) => this.logger.warn({ type, jobId, err }, 'lease could not be renewed; it is tried again'),
    )
    this.keepers.set(run, keeper)
    keeper.start(sentAt)
  }

  /** The run is over. */
  forget(run: Run): void {
    this.keepers.get(run)?.stop()
    this.keepers.delete(run)
  }

  /** The queue is closed: no timer may be left. */
  forgetAll(): void {
    for (const keeper of this.keepers.values()) keeper.stop()
    this.keepers.clear()
  }

  settle(run: Run, verdict: Verdict): void {
    if (verdict.kind === 'release' && !canRelease(this.backend)) return run.leftToExpire()
    // The lease is kept meanwhile: a run whose settlement fails may go on.
    settle(this.backend, run.job, verdict).then(
      (found) => {
        run.settled(found)
        this.freedKey(run)
      },
      (err: unknown) => run.writeFailed(err),
    )
  }

  heartbeat(run: Run): Promise<HeartbeatResult> {
    return this.keepers.get(run)?.beat() ?? heartbeat(this.backend, run.job)
  }

  /** The lease is as long as every other on this backend. */
  suspend(run: Run): Promise<HeartbeatResult> {
    return this.keepers.get(run)?.suspend() ?? heartbeat(this.backend, run.job)
  }

  resume(run: Run): Promise<Settled | null> {
    const renew = () => this.keepers.get(run)?.resume() ?? heartbeat(this.backend, run.job)
    return heldOrReadBack(this.backend, run.job, renew)
  }

  /** All there is to know is written. */
  completed(run: Run): void {
    this.freedKey(run)
  }

  /** A handler that goes on after its job has ended keeps its slot, and what waits behind the key may have another. */
  private freedKey(run: Run): void {
    const { type, dedupeScope } = run.job
    if (dedupeScope === 'pending' && this.keepers.has(run)) this.wake(type)
  }

  log(run: Run, message: string): Promise<void> {
    return writeLog(this.backend, run.job, message)
  }
}
