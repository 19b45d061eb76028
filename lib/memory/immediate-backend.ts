import { isolated } from '../base/app-code'
import type {
  EnqueueDetailedResult,
  EnqueueOptions,
  JobHandler,
  MemoryBackendOptions,
  RecordedJob,
} from '../types'
import { checkHandler, checkType } from '../validate'
import type { NewJob } from '../validate'
import { processorOf } from '../backend/inline-processor'
import type { RunFailure } from '../backend/inline-processor'
import { memory } from './later'
import { MemoryBackend } from './memory-backend'
import { nested, nesting } from '../base/nesting'
import type { StoredJob } from './stored-job'

/** A registered handler, and the settings of its runs. */
interface Registered {
  readonly handler: JobHandler<any>
  /** A queue's processor runs as many as it says, and has `enqueue` reject; an app's own handler does neither. */
  readonly isProcessor: boolean
}

/**
 * Jobs in memory that run inside `enqueue`; documented in the public types.
 *
 * `queue.process` hands its handler to `registerHandler`, wrapped so that the queue manages the run. The run settles through the context made
 * here, and this backend finds the job settled when the handler returns.
 */
export class ImmediateBackend extends MemoryBackend {
  readonly executesInline = true
  private readonly handlers = new Map<string, Registered>()
  private readonly slots = new (memory().InlineSlots)()
  /** Jobs that wait for a slot or are at work, with their runs: however many calls come to a job, it runs once. */
  private readonly runs = new Map<string, Promise<RunFailure | null>>()
  /** The jobs whose handlers are at work. */
  private readonly atWork = new Set<string>()
  /** Runs that no `enqueue` waits for. */
  private readonly background = new Set<Promise<void>>()

  constructor(options?: MemoryBackendOptions) {
    super('ImmediateBackend', 'immediate', options)
  }

  /** Jobs of the type that wait for a handler are run, in the background. */
  registerHandler<T>(type: string, handler: JobHandler<T>): void {
    const checkedType = checkType('registerHandler', type)
    const checked = checkHandler('registerHandler', handler)
    const processor = processorOf(checked)
    this.handlers.set(checkedType, {
      // The handler of a processor has been taken care of by its queue.
      handler: processor === null ? isolated(nested(checked)) : checked,
      isProcessor: processor !== null,
    })
    this.slots.limit(checkedType, processor?.concurrency ?? Infinity)
    // Not before the caller is done with setting up.
    this.inBackground(Promise.resolve().then(() => this.runBacklog(checkedType)))
  }

  clearHandlers(): void {
    this.handlers.clear()
  }

  /** Keeps the handlers: suites register them once, and reset after each test. */
  reset(): void {
    this.model.reset()
  }

  override async enqueue<T>(type: string, data: T, options?: EnqueueOptions): Promise<string | null> {
    const enqueued = await this.enqueueAndRun(type, data, options)
    if (enqueued === null) return null
    if (enqueued.failure !== null) throw enqueued.failure.error
    return enqueued.id
  }

  /** A job was made even if its handler fails. */
  protected override async enqueueOfMany(
    type: string,
    data: unknown,
    options?: EnqueueOptions,
  ): Promise<string | null> {
    return (await this.enqueueAndRun(type, data, options))?.id ?? null
  }

  private async enqueueAndRun(type: string, data: unknown, options: EnqueueOptions | undefined) {
    const stored = this.add('enqueue', type, data, options)
    if (stored === null) return null
    const { id } = stored.job
    return { id, failure: await this.run(stored) }
  }

  override async enqueueDetailed<T>(
    type: string,
    data: T,
    options?: EnqueueOptions,
  ): Promise<EnqueueDetailedResult> {
    const { result, failure } = await this.makeAndRun(type, data, options)
    if (failure !== null) throw failure.error
    return result
  }

  /** A job was made even if its handler fails. */
  protected override async enqueueDetailedOfMany(
    type: string,
    data: unknown,
    options?: EnqueueOptions,
  ): Promise<EnqueueDetailedResult> {
    return (await this.makeAndRun(type, data, options)).result
  }

  private async makeAndRun(type: string, data: unknown, options: EnqueueOptions | undefined) {
    const made = this.make('enqueueDetailed', type, data, options)
    if (made.status !== 'created') return { result: made, failure: null }
    const result: EnqueueDetailedResult = { status: 'created', id: made.stored.job.id }
    return { result, failure: await this.run(made.stored) }
  }

  /** Waits for the runs that were started in the background. */
  override async shutdown(_timeoutMs?: number): Promise<void> {
    await Promise.all(this.background)
  }

  /** A delay, or a moment, is ignored on purpose: the caller is waiting. */
  protected override adjust(job: NewJob): NewJob {
    return { ...job, delayMs: 0, runAtMs: null }
  }

  /** Its caller is waiting: a time that lies ahead is ignored, as a delay is. */
  protected override async moved(stored: StoredJob): Promise<void> {
    stored.job.runAt = new Date(Math.min(stored.job.runAt.getTime(), this.model.now()))
    // A handler's failure is on its job.
    await this.run(stored)
  }

  /** A handler that takes its time is no dead worker. */
  protected override isAtWork(id: string): boolean {
    return this.atWork.has(id)
  }

  /** A job has left its claim, so one that waits behind its key can run now. If the job runs here, its run starts the next one. */
  protected override async changed(job: RecordedJob): Promise<void> {
    if (!this.atWork.has(job.id)) await this.runFollowers(job)
  }

  protected override resumed(type: string): void {
    this.inBackground(this.runBacklog(type))
  }

  /** Runs a job, and the one that waits behind its key. Resolves to the failure of the job itself. */
  private run(stored: StoredJob): Promise<RunFailure | null> {
    const { id } = stored.job
    const running = this.runs.get(id)
    if (running !== undefined) return running
    const run = this.runAlone(stored).finally(() => this.runs.delete(id))
    this.runs.set(id, run)
    return run
  }

  private async runAlone(stored: StoredJob): Promise<RunFailure | null> {
    const { job } = stored
    const registered = this.handlers.get(job.type)
    if (registered === undefined || !this.model.isDue(stored)) return null
    const run = () => this.claimAndRun(stored, registered)
    const failure = await this.slots.within(job.type, run)
    await this.runFollowers(job)
    return failure
  }

  /** Much may have happened to the job while it waited for its slot. */
  private async claimAndRun(stored: StoredJob, registered: Registered): Promise<RunFailure | null> {
    if (this.model.claimThis(stored) === null) return null
    const { id } = stored.job
    this.atWork.add(id)
    try {
      const { handler, isProcessor } = registered
      const job = memory().snapshot(stored)
      const returned = await nesting(this.slots, job, () => memory().runInline(this, job, handler))
      return isProcessor ? (returned as RunFailure | null) : null
    } finally {
      this.atWork.delete(id)
    }
  }

  private async runFollowers(job: RecordedJob): Promise<void> {
    if (job.dedupeKey === undefined) return
    for (const stored of [...this.model.pendingUnder(job.dedupeKey)]) {
      // Not the job itself, if it is to be retried or was given back: it has had its turn.
      if (stored.job !== job) await this.run(stored)
    }
  }

  private async runBacklog(type: string): Promise<void> {
    for (const stored of [...this.model.pendingOfType(type)]) await this.run(stored)
  }

  private inBackground(work: Promise<void>): void {
    // A handler's failure is on its job. Any other error has no listener here.
    const settled = work.catch(() => {}).finally(() => this.background.delete(settled))
    this.background.add(settled)
  }
}
