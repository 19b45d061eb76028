import { isolated } from '../base/app-code'
import type { EnqueueOptions, JobHandler, MemoryBackendOptions, RecordedJob } from '../types'
import { checkHandler, checkType } from '../validate'
import type { NewJob } from '../validate'
import { runInline } from './inline-run'
import { MemoryBackend } from './memory-backend'
import { snapshot } from './stored-job'
import type { StoredJob } from './stored-job'

/**
 * Jobs in memory that run inside `enqueue`; documented in the public types.
 *
 * `queue.process` hands its handler to `registerHandler`, wrapped so that the run is managed by the queue; it settles through
 * the context made here, and this backend finds the job settled when the handler returns.
 */
export class ImmediateBackend extends MemoryBackend {
  readonly executesInline = true
  private readonly handlers = new Map<string, JobHandler<any>>()
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
    this.handlers.set(checkedType, isolated(checkHandler('registerHandler', handler)))
    // Not before the caller is done with setting up.
    this.inBackground(Promise.resolve().then(() => this.runBacklog(checkedType)))
  }

  clearHandlers(): void {
    this.handlers.clear()
  }

  reset(): void {
    this.model.reset()
    this.handlers.clear()
  }

  override async enqueue<T>(type: string, data: T, options?: EnqueueOptions): Promise<string | null> {
    const stored = this.add('enqueue', type, data, options)
    if (stored === null) return null
    const { id } = stored.job
    await this.run(stored)
    return id
  }

  /** Waits for the runs that were started in the background. */
  override async shutdown(_timeoutMs?: number): Promise<void> {
    await Promise.all(this.background)
  }

  /** A delay is ignored on purpose: the caller is waiting. */
  protected override adjust(job: NewJob): NewJob {
    return { ...job, delayMs: 0 }
  }

  /** A handler that takes its time is no dead worker. */
  protected override isAtWork(id: string): boolean {
    return this.atWork.has(id)
  }

  /** A job has left its claim: one that waits behind its key can run now. It is run by whoever runs the job, if that is us. */
  protected override async changed(job: RecordedJob): Promise<void> {
    if (!this.atWork.has(job.id)) await this.runFollowers(job)
  }

  /** Runs a job, and what waits behind its key. */
  private async run(stored: StoredJob): Promise<void> {
    const { job } = stored
    const handler = this.handlers.get(job.type)
    if (handler === undefined || this.model.claimThis(stored) === null) return
    this.atWork.add(job.id)
    try {
      await runInline(this, snapshot(stored), handler)
    } finally {
      this.atWork.delete(job.id)
    }
    await this.runFollowers(job)
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
    // A handler's failure is on its job. What else may go wrong has nobody to be told.
    const settled = work.catch(() => {}).finally(() => this.background.delete(settled))
    this.background.add(settled)
  }
}
