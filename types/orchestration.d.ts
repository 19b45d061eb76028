/** Orchestrations: jobs whose steps are each recorded once. */
import type { ClientSession, TransactionOptions } from 'mongodb'
import type { DriverSession } from './driver.js'
import type { LeaseLostError } from './errors.js'
import type { Backoff, Job } from './job.js'
import type { JobNameWith, JobTypes, MappedJobName, OpenJobName } from './job-types.js'
import type { StepFailure } from './journal.js'
import type { Logger, defaultLogger } from './logging.js'
import type {
  HeartbeatConfigConflict,
  MaxDurationExceeded,
  OrchestrationUnsupportedError,
  OrchestratorTypeConflict,
  StepTimeout,
} from './orchestration-errors.js'
import type { JobQueue } from './queue.js'
import type { ProcessorConfig } from './work.js'

/** The keys of one step, which are the same at each attempt. */
export interface StepKeys {
  /**
   * A key to pass to the services that the step calls, so that they recognise an effect from before a crash. It is `<job>:<place>:<name>`, or
   * {@link StepOptions.idempotencyKey}.
   */
  idempotencyKey: string
  /** The job's id. */
  jobId: string
  /** The step's place. */
  seq: number
}

/** Options of one step. */
export interface StepOptions {
  /** The idempotency key of the step. Default: made from the job's id, the step's place and its name. */
  idempotencyKey?: string | undefined
  /** The time limit of the step, in milliseconds; 0 for none. Default: `stepTimeoutMs` of the definition. */
  timeoutMs?: number | undefined
  /**
   * Retries of the step if its function throws, without an attempt of the job. Default: none; a failure fails the attempt.
   *
   * For a wait of more than 10 s, the number of failed tries is recorded, and the job parks as in {@link OrchestratorContext.sleep}. The tries
   * then go on in another attempt. During a shorter wait the job keeps its slot, and a crash starts its tries anew. In dedupe scope
   * `pending` a job never parks, and keeps its slot during all waits.
   */
  retry?: StepRetry | undefined
}

/** Retries of a step that throws. The options mean the same as those of `enqueue`. */
export interface StepRetry {
  /** The number of tries after which a failure is final; at least 1. */
  maxAttempts: number
  /** The growth of the wait before a retry. Default `'exponential'`. */
  backoff?: Backoff | undefined
  /** The shortest wait, in milliseconds. Default 1000. */
  backoffDelay?: number | undefined
  /** The longest wait, in milliseconds. Default 60000. */
  backoffMaxDelay?: number | undefined
}

/** Options of {@link OrchestratorContext.map}. */
export interface MapOptions extends StepOptions {
  /** The number of items to work on at once; at least 1. Default 10. */
  concurrency?: number | undefined
  /** `'stop'`: the first failure is thrown, and no further item begins. `'collect'`: failures are returned as values. Default `'stop'`. */
  onFailure?: 'stop' | 'collect' | undefined
}

/** The result of {@link OrchestratorContext.tryStep}. */
export type TryStepResult<R> =
  | {
      /** The function returned. */
      status: 'ok'
      /** Its result. */
      value: R
    }
  | {
      /** The function threw. */
      status: 'failed'
      /** The error, as recorded. */
      error: StepFailure
    }

/** The result for one item of {@link OrchestratorContext.map} with `onFailure: 'collect'`. */
export type MapResult<R> =
  | {
      /** The function returned. */
      status: 'ok'
      /** Its result. */
      value: R
    }
  | {
      /** The function threw. */
      status: 'failed'
      /** The message of the error. */
      reason: string
    }

/** The tools that an orchestration works with. */
export interface OrchestratorContext {
  /**
   * Runs a function until its result has been recorded once. A later attempt returns the recorded result without calling the function.
   *
   * The function runs at least once. A crash between its effect and the record runs it again, with the same `idempotencyKey`. If the
   * function throws, nothing is recorded.
   *
   * ```ts
   * const charge = await octx.step('charge', ({ idempotencyKey }) => stripe.charges.create(order, { idempotencyKey }))
   * ```
   *
   * Steps take their places in the order of the calls, so `Promise.all(ids.map((id) => octx.step(…)))` is fine. The result may be
   * `undefined`, a string, number, boolean, null, `Date`, BSON value, array or plain object.
   *
   * @throws what the function throws; {@link StepTimeout}; {@link LeaseLostError} if another worker has the job now
   */
  step<R>(
    name: string,
    fn: (keys: StepKeys, signal: AbortSignal) => R | PromiseLike<R>,
    options?: StepOptions,
  ): Promise<R>
  /**
   * Runs a step and returns its failure as a value. The failure is recorded, so a later attempt takes the same path. Fatal errors and lost
   * leases are still thrown.
   *
   * ```ts
   * const paid = await octx.tryStep('pay', pay)
   * if (paid.status === 'failed') await octx.step('tell', () => tell(paid.error.message))
   * ```
   */
  tryStep<R>(
    name: string,
    fn: (keys: StepKeys, signal: AbortSignal) => R | PromiseLike<R>,
    options?: StepOptions,
  ): Promise<TryStepResult<R>>
  /**
   * Runs a step whose writes to MongoDB and whose record are one transaction: **exactly once**. Whatever crashes, both are stored or neither.
   *
   * ```ts
   * await octx.transaction('book', async (session) => {
   *   await accounts.updateOne({ _id: from }, { $inc: { balance: -amount } }, { session })
   *   await queue.enqueue('receipt', { from }, { session })
   * })
   * ```
   *
   * The function may be called several times, as with `ctx.transaction` of a handler. Pass the session to every operation, and await each one.
   *
   * `stepTimeoutMs` does not apply. The server limits transactions (60 s by default), and `visibilityTimeoutMs` must be longer. In memory, this
   * is a step like any other. A job runs one transaction at a time; further ones wait.
   *
   * @param options of the transaction, as for `session.withTransaction`
   * @returns what the function returns, as recorded, with the limits of `step`
   * @throws what the function throws, and errors of the driver; {@link LeaseLostError}, and then nothing was written; DurablError
   * `ERR_DURABL_NOT_A_REPLICA_SET` or `ERR_DURABL_UNSUPPORTED` where there are no transactions
   */
  transaction<R, S extends DriverSession = ClientSession>(
    name: string,
    fn: (session: S, keys: StepKeys) => R | PromiseLike<R>,
    options?: TransactionOptions,
  ): Promise<R>
  /**
   * Waits for a number of milliseconds, counted from the first call. It may last for months, and outlasts deploys.
   *
   * A sleep of a second or more **parks** the job as soon as the orchestration does nothing but sleep. The job is then pending, and uses no
   * slot, lease or attempt. When its time has come, another attempt runs the function from its top, and the sleep returns.
   *
   * ```ts
   * await octx.step('invite', () => sendInvitation(job.data))
   * await octx.sleep('a week', 7 * 24 * 60 * 60 * 1000)
   * await octx.step('remind', () => sendReminder(job.data))
   * ```
   *
   * The first call fixes the end of the sleep by the server's clock, and records it under the name. A later attempt with another `ms` changes
   * nothing. Code after the sleep, and code that waits beside it, runs in the attempt that wakes up.
   *
   * @param name the name of the sleep, which takes a place as a step does
   * @param ms the duration: from 0 to a hundred years
   * @throws OrchestrationUnsupportedError, which fails the job for good, in dedupe scope `pending`
   */
  sleep(name: string, ms: number): Promise<void>
  /** Sleeps until a moment; see {@link OrchestratorContext.sleep}. The first call fixes the moment. For a moment in the past it returns at once. */
  sleepUntil(name: string, date: Date): Promise<void>
  /**
   * Runs a sequence of steps with places of its own, so that several sequences can run at the same time. The branch itself takes one place. Its
   * function is called at each attempt, as the orchestration is.
   *
   * ```ts
   * await Promise.all([
   *   octx.branch('flight', async (b) => { await b.step('book', book); await b.step('pay', pay) }),
   *   octx.branch('hotel', async (b) => { await b.step('book', bookHotel); await b.step('pay', payHotel) }),
   * ])
   * ```
   *
   * @returns what the function returns
   */
  branch<R>(name: string, fn: (branch: OrchestratorContext) => R | PromiseLike<R>): Promise<R>
  /**
   * Runs one step for each item of a list, several at once. The steps take their places in the order of the list, and are named
   * `<name>[0]`, `<name>[1]`, …
   */
  map<T, R>(
    name: string,
    items: readonly T[],
    fn: (item: T, keys: StepKeys, signal: AbortSignal) => R | PromiseLike<R>,
    options: MapOptions & {
      /** Failures are values. */
      onFailure: 'collect'
    },
  ): Promise<MapResult<R>[]>
  map<T, R>(
    name: string,
    items: readonly T[],
    fn: (item: T, keys: StepKeys, signal: AbortSignal) => R | PromiseLike<R>,
    options?: MapOptions,
  ): Promise<R[]>
  /** Returns when the orchestration first asked for the time or a UUID, in milliseconds since the epoch. It is the same at each attempt. */
  now(): number
  /** Returns a UUID made from the job and the label, the same at each attempt. It is not secret: do not use it as a password or token. */
  uuid(label: string): string
  /** Adds a line to the job's log, at each attempt anew. */
  log(message: string): void
  /**
   * Checks whether this worker still has the job, and renews the lease. Not needed, as the queue renews by itself. While the server is away, it
   * tries again for as long as the lease lasts.
   */
  heartbeat(): Promise<'heartbeated' | 'lease-lost'>
  /**
   * Aborted when the attempt is over. The causes are a lost lease ({@link LeaseLostError}), `maxDurationMs` ({@link MaxDurationExceeded}), the
   * shutdown, or an error that the orchestration threw while steps were running.
   */
  readonly signal: AbortSignal
}

/**
 * An orchestration. It runs from its top at each attempt, and recorded steps return at once. So code outside of steps must do the same at each
 * attempt.
 *
 * The job completes when the function returns. With {@link ProcessorConfig.results} `keep`, the job keeps the returned value, unless it has ended
 * after its lease was lost.
 */
export type OrchestratorFn<T = unknown> = (job: Job<T>, octx: OrchestratorContext) => Promise<unknown>

/** Options of the orchestrations of one type. */
export interface OrchestratorConfig extends ProcessorConfig {
  /**
   * Shortens the values derived from the queue's `visibilityTimeoutMs`: the default of `stepTimeoutMs`, and the heartbeat interval. In
   * milliseconds. Default: the queue's value.
   */
  visibilityTimeoutMs?: number | undefined
  /** The time limit of each step, in milliseconds. Default: `visibilityTimeoutMs`. */
  stepTimeoutMs?: number | undefined
  /** The time limit of one attempt, in milliseconds. Default: none. */
  maxDurationMs?: number | undefined
  /** The time limit of all attempts together, in milliseconds from the first one on. Past it the job fails for good. Default: none. */
  deadlineMs?: number | undefined
  /**
   * `'spill'`: store large step results in a collection beside the jobs, named as theirs with `_steps` appended. The journal on the job then
   * refers to them. The server reads and writes the whole job at each claim and step, so large or many results slow those down.
   *
   * A result of more than 16 kB spills. Once the journal on the job takes 256 kB, so does one of more than 256 bytes. Spilled results are
   * removed with their job. `journalSoftLimitBytes` limits only the part of the journal on the job.
   *
   * **Do not use it while processes of durabl 0.2 or 0.3 run the type.** They fail such a job for good, with a `NondeterminismError` that names
   * `$spilled:` and the step. Default: all results are stored on the job.
   */
  journal?: 'spill' | undefined
}

/**
 * Runs orchestrations on a queue.
 *
 * ```ts
 * const orchestrator = new Orchestrator(queue)
 * orchestrator.define<Order>('order', async (job, octx) => {
 *   const charge = await octx.step('charge', ({ idempotencyKey }) => pay(job.data, idempotencyKey))
 *   await octx.step('ship', () => ship(job.data, charge.id))
 * })
 * await queue.enqueue('order', order)
 * ```
 */
export class Orchestrator<Jobs extends object = JobTypes> {
  /**
   * @param logger default {@link defaultLogger}
   * @throws OrchestrationUnsupportedError if the queue's backend keeps no journals, or runs handlers inline
   */
  constructor(queue: JobQueue<Jobs> | JobQueue<any>, logger?: Logger)
  /**
   * Runs an orchestration for every job of a type.
   *
   * @throws OrchestratorTypeConflict if the type has a processor or a definition; {@link HeartbeatConfigConflict} if the definition's visibility
   * timeout is longer than the queue's; TypeError, RangeError if an argument is malformed
   */
  define<K extends MappedJobName<Jobs>>(
    type: K,
    body: OrchestratorFn<Jobs[K]>,
    config?: OrchestratorConfig,
  ): void
  define<T = unknown>(type: OpenJobName<Jobs>, body: OrchestratorFn<T>, config?: OrchestratorConfig): void
  define<T>(type: JobNameWith<Jobs, T>, body: OrchestratorFn<T>, config?: OrchestratorConfig): void
}
