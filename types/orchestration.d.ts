/** Orchestrations: jobs made of steps, each of which is recorded once. */
import type { ClientSession, TransactionOptions } from 'mongodb'
import type { DriverSession } from './driver.js'
import type { LeaseLostError } from './errors.js'
import type { Backoff, Job } from './job.js'
import type { JobTypes, MappedJobName, OpenJobName } from './job-types.js'
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

/** The keys of one step: the same at each attempt. */
export interface StepKeys {
  /**
   * Hand it to whatever the step calls, so that an effect which happened before a crash is recognised. `<job>:<place>:<name>`, or
   * {@link StepOptions.idempotencyKey}.
   */
  idempotencyKey: string
  /** The job. */
  jobId: string
  /** The step's place. */
  seq: number
}

/** Options of one step. */
export interface StepOptions {
  /** In place of the key that is made of job, place and name. */
  idempotencyKey?: string | undefined
  /** The step's limit, in milliseconds; 0 for none. Default: `stepTimeoutMs` of the definition. */
  timeoutMs?: number | undefined
  /**
   * Tries again when the function throws, without an attempt of the job. Default: a failure fails the attempt.
   *
   * A wait of more than 10 s is recorded with the number of failed tries, and the job parks as for {@link OrchestratorContext.sleep}: it holds
   * no slot, and the tries count on in another attempt. Shorter waits hold the slot, and a crash begins their tries anew. In dedupe scope
   * `pending` a job never parks, and holds its slot through all waits.
   */
  retry?: StepRetry | undefined
}

/** Retries of a step that throws; as the options of `enqueue` of the same names. */
export interface StepRetry {
  /** After this many tries a failure is final; at least 1. */
  maxAttempts: number
  /** The growth of the wait. Default `'exponential'`. */
  backoff?: Backoff | undefined
  /** The shortest wait, in milliseconds. Default 1000. */
  backoffDelay?: number | undefined
  /** The longest wait, in milliseconds. Default 60000. */
  backoffMaxDelay?: number | undefined
}

/** Options of {@link OrchestratorContext.map}. */
export interface MapOptions extends StepOptions {
  /** The number of items that are worked on at once; at least 1. Default 10. */
  concurrency?: number | undefined
  /** `'stop'`: the first failure is thrown, and no further item begins. `'collect'`: failures are values. Default `'stop'`. */
  onFailure?: 'stop' | 'collect' | undefined
}

/** A step's end, as a value. */
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
      /** Its error, as it is recorded. */
      error: StepFailure
    }

/** One item's end, with `onFailure: 'collect'`. */
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
      /** The message of its error. */
      reason: string
    }

/** The tools of an orchestration. */
export interface OrchestratorContext {
  /**
   * Runs a function until its result has been recorded once. A later attempt gets the recorded result, and the function is not called.
   *
   * The function runs at least once: a crash between its effect and the record runs it again, with the same `idempotencyKey`. A function
   * that throws records nothing.
   *
   * ```ts
   * const charge = await octx.step('charge', ({ idempotencyKey }) => stripe.charges.create(order, { idempotencyKey }))
   * ```
   *
   * Calls take their places in the order in which they are made, so `Promise.all(ids.map((id) => octx.step(…)))` is fine. The result is
   * `undefined`, or a string, number, boolean, null, `Date`, BSON value, array or plain object.
   *
   * @throws what the function throws; {@link StepTimeout}; {@link LeaseLostError} if the job is another worker's now
   */
  step<R>(
    name: string,
    fn: (keys: StepKeys, signal: AbortSignal) => R | PromiseLike<R>,
    options?: StepOptions,
  ): Promise<R>
  /**
   * As `step`, with the end of the function as a value, also where it throws. The failure is recorded, so that a later attempt takes the
   * same way; a fatal error and a lost lease are thrown all the same.
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
   * A step whose writes to MongoDB and whose record are one transaction: **exactly once**. Both are there, or neither is, whatever crashes.
   *
   * ```ts
   * await octx.transaction('book', async (session) => {
   *   await accounts.updateOne({ _id: from }, { $inc: { balance: -amount } }, { session })
   *   await queue.enqueue('receipt', { from }, { session })
   * })
   * ```
   *
   * The function may be called several times, as for `ctx.transaction` of a handler: pass the session to every operation, and await each one.
   * It is not limited by `stepTimeoutMs`: the server limits transactions (60 s by default), and `visibilityTimeoutMs` must be longer. In
   * memory it is a step like any other. One transaction of a job runs at a time; others wait.
   *
   * @param options of the transaction, as for `session.withTransaction`
   * @returns what the function returns, as it is recorded, with the limits of `step`
   * @throws what the function throws, and errors of the driver; {@link LeaseLostError}, and then nothing was written; DurablError
   * `ERR_DURABL_NOT_A_REPLICA_SET`, `ERR_DURABL_UNSUPPORTED` without transactions
   */
  transaction<R, S extends DriverSession = ClientSession>(
    name: string,
    fn: (session: S, keys: StepKeys) => R | PromiseLike<R>,
    options?: TransactionOptions,
  ): Promise<R>
  /**
   * Waits for so many milliseconds, from its first call on. A sleep of a second or more **parks** the job, as soon as nothing but sleeps
   * goes on in it: the job is pending until its time, holds no slot and no lease, and uses no attempt; then another attempt runs the
   * function from its top, and the sleep is answered. So it may last for months, and outlasts deploys.
   *
   * ```ts
   * await octx.step('invite', () => sendInvitation(job.data))
   * await octx.sleep('a week', 7 * 24 * 60 * 60 * 1000)
   * await octx.step('remind', () => sendReminder(job.data))
   * ```
   *
   * Its end is fixed at the first call, by the server's clock, and recorded under the name: a later attempt with another `ms` changes
   * nothing. Code after it, and code that was waiting beside it, runs in the attempt that wakes up.
   *
   * @param name as of a step: it takes a place
   * @param ms from 0 to a hundred years
   * @throws OrchestrationUnsupportedError, which fails the job for good, in dedupe scope `pending`
   */
  sleep(name: string, ms: number): Promise<void>
  /** As {@link OrchestratorContext.sleep}, until a moment. The first call fixes it; one that has passed is answered at once. */
  sleepUntil(name: string, date: Date): Promise<void>
  /**
   * A line of steps with places of its own, so that several lines can run beside each other. Takes one place itself; the function is
   * called at each attempt, as the orchestration is.
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
   * One step for each item of a list, several of them at once. They take their places in the order of the list, and have the names
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
  /** When the orchestration first asked for the time or for a UUID, in milliseconds since the epoch; the same at each attempt. */
  now(): number
  /** A UUID made of the job and the label; the same at each attempt. Not a secret: do not use it as a password or a token. */
  uuid(label: string): string
  /** Adds a line to the job's log; again at each attempt. */
  log(message: string): void
  /**
   * Asks whether the job is still this worker's, and renews the lease. Not needed: the queue renews by itself. Tries again while the
   * server is away and the lease lasts.
   */
  heartbeat(): Promise<'heartbeated' | 'lease-lost'>
  /**
   * Aborted when the attempt is over: by a lost lease ({@link LeaseLostError}), by `maxDurationMs` ({@link MaxDurationExceeded}), by the
   * shutdown, or because the orchestration threw while steps were running.
   */
  readonly signal: AbortSignal
}

/**
 * An orchestration: it runs from its top at each attempt, and steps that are recorded are answered at once. So what stands outside of
 * steps must do the same each time. Its end without an error completes the job. With {@link ProcessorConfig.results} `keep` the job keeps
 * what it returned, unless it has ended after its lease was lost.
 */
export type OrchestratorFn<T = unknown> = (job: Job<T>, octx: OrchestratorContext) => Promise<unknown>

/** Options of the orchestrations of one type. */
export interface OrchestratorConfig extends ProcessorConfig {
  /**
   * Shortens what is derived from the queue's `visibilityTimeoutMs`: the default of `stepTimeoutMs`, and the heartbeat interval. In
   * milliseconds. Default: the queue's.
   */
  visibilityTimeoutMs?: number | undefined
  /** The limit of each step, in milliseconds. Default: `visibilityTimeoutMs`. */
  stepTimeoutMs?: number | undefined
  /** The limit of one attempt, in milliseconds. Default: none. */
  maxDurationMs?: number | undefined
  /** The limit of all attempts together, from the first one on, in milliseconds; past it the job fails for good. Default: none. */
  deadlineMs?: number | undefined
  /**
   * `'spill'`: large results of steps stand in a collection beside the jobs, named as theirs with `_steps` behind it, and the journal on the
   * job names them. The server reads and writes the job as a whole at each claim and step, so many or large results slow those down.
   * A result of more than 16 kB spills, and one of more than 256 bytes once the journal on the job takes 256 kB. They go with the job.
   * The journal may be larger than `journalSoftLimitBytes` then, which limits its part on the job.
   *
   * **Not while processes of durabl 0.2 or 0.3 run the type:** they fail such a job for good, with a `NondeterminismError` that names
   * `$spilled:` and the step. Default: all results stand on the job.
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
   * @throws OrchestratorTypeConflict if the type has a processor or a definition; {@link HeartbeatConfigConflict}; TypeError, RangeError
   * if an argument is malformed
   */
  define<K extends MappedJobName<Jobs>>(
    type: K,
    body: OrchestratorFn<Jobs[K]>,
    config?: OrchestratorConfig,
  ): void
  define<T = unknown>(type: OpenJobName<Jobs>, body: OrchestratorFn<T>, config?: OrchestratorConfig): void
}
