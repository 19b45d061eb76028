import type { RunFailure } from '../backend/inline-processor'
import type { Settled, Verdict } from '../backend/verdict'
import type { HeartbeatResult, Job, JobHandle, LeaseOperation, RecoveredJob } from '../types'
import type { Processor } from '../validate'

/** The part of a processor that an engine has to know: the handler and its limit are the driver's. */
export type EngineProcessorConfig = Omit<Processor, 'handler' | 'timeoutMs' | 'retryDelay' | 'results'>

/**
 * Claims jobs, keeps their leases and writes verdicts, for the driver that runs the handlers. Two exist: `AddonEngine` for an
 * unmodified `MongoJobQueue`, and `ScriptEngine` for every other backend. Each claim becomes a run, which has a number.
 *
 * The calls come in the order of a queue's life: `process`, `adopt` and the calls on runs while it is open. Then `quiesce` and `close` follow,
 * each of which may be repeated.
 */
export interface Engine {
  /** The backend calls handlers by itself, inside `enqueue`: it decides their number, and keeps no process alive. */
  readonly runsInline: boolean
  /** Starts to claim jobs of a type. They come as {@link EngineEvents.claimed}. Returns the processor's number. */
  process(config: EngineProcessorConfig): number
  /** Sets the number of runs of a processor that there is room for; 0 for none. */
  setConcurrency(processorId: number, concurrency: number): void
  /** Stops the claims for a processor. Resolves when those on their way have come, and never rejects. */
  stopProcessor(processorId: number): Promise<void>
  /** Starts to sweep for jobs whose lease has expired, if the backend can. */
  recover(): void
  /** A job of this type, null for any, is due in `delayMs`. */
  wake(type: string | null, delayMs: number): void
  /** True if {@link adopt} takes this handle. */
  canAdopt(handle: JobHandle<any>): boolean
  /** Takes over a claim that was made by hand. Resolves to the number of its run; null if its lease is lost. */
  adopt(handle: JobHandle<any>, job: Job<any>): Promise<number | null>
  /** Those of these runs that are known to have lost their lease. */
  goneAmong(runIds: Uint32Array): ArrayLike<number>
  /**
   * Writes the verdict of a run. The answer is {@link EngineEvents.settled} or {@link EngineEvents.writeFailed}.
   *
   * @param freesSlot false while the handler goes on; then {@link freeSlot} follows
   * @param elapsedMs the time that the handler ran; null if it never started
   */
  settle(runId: number, verdict: Verdict, freesSlot: boolean, elapsedMs: number | null): void
  /** The run holds no slot any more, and its verdict, if there was one, did not say so. */
  freeSlot(runId: number, elapsedMs: number | null): void
  /** The run fails, or has failed. Only for {@link runsInline}; called before the slot of the run is free. */
  failed(runId: number, failure: RunFailure): void
  heartbeat(runId: number, job: Job<any>): Promise<HeartbeatResult>
  log(runId: number, job: Job<any>, message: string): Promise<void>
  /** Notes the progress of a handler. */
  progress(runId: number, job: Job<any>, value: unknown): Promise<void>
  /** True if lines keep their order although none waits for the one before it. */
  readonly keepsLogOrder: boolean
  /** Makes the lease as long as `leaseMs` if it can, and leaves it alone: a transaction is about to write to the job. */
  suspend(runId: number, job: Job<any>, leaseMs: number): Promise<HeartbeatResult>
  /** The transaction is over, and not known to have committed. Null: it has not, and the lease is kept as before. */
  resume(runId: number, job: Job<any>): Promise<Settled | null>
  /** The transaction has committed, and the job is completed. */
  completed(runId: number): void
  /** The queue that this engine works for was asked to cancel a job. If the job runs here, its run may learn of it at once. */
  cancelRequested(jobId: string, reason: string | null): void
  /** The backend has started: calls that need a started backend can begin. */
  backendStarted(): void
  /** Stops all claims. Resolves when those on their way have come, and never rejects; null if none can come. */
  quiesce(): Promise<void> | null
  /** Ends the engine: no timer and no subscription is left. */
  close(): void
}

/** Events of an engine, for its driver. An event about a run that is over does nothing. */
export interface EngineEvents {
  /** Claimed jobs, in claim order. Null stands for a job that could not be read; the engine has failed it. */
  claimed(processorId: number, runIds: Uint32Array, jobs: readonly (Job<any> | null)[]): void
  /** A verdict is durable, and `found` is the result of writing it. Null: the claim can't be given back, its lease expires. */
  settled(runId: number, found: Settled | null): void
  /** A verdict could not be written, and the engine does not know it any more. Another one may follow. */
  writeFailed(runId: number, error: unknown): void
  leaseLost(runId: number, op: LeaseOperation): void
  /** The job was asked to be cancelled. The event comes again from time to time, until the run is over. */
  cancelRequested(runId: number, reason: string | null): void
  /** The backend was shut down, and gives the job back by itself. */
  takenBack(runId: number): void
  /** The type has been paused: its jobs that were claimed and not started are to be given back. */
  paused(type: string): void
  recovered(handled: number, saturated: boolean, jobs?: readonly RecoveredJob[]): void
  recoveryFailed(phase: 'startup' | 'periodic', message: string): void
  /** The engine has ended. No answer comes any more to verdicts that are on their way. */
  closed(reason: Error): void
}
