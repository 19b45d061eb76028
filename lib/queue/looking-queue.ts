import { lookWith } from '../backend/query'
import type {
  IJobQueueBackend,
  JobDetail,
  JobPage,
  JobQueueOptions,
  ListJobsOptions,
  Logger,
  WaitForOptions,
  WaitForResult,
} from '../types'
import { checkJobId, normalizeListJobs, normalizeWaitFor } from '../validate'
import { QueueBase } from './queue-base'
import { Waiting } from './waiting'

/** The calls of a queue that look at jobs and change none; documented in the public types. */
export abstract class LookingQueue extends QueueBase {
  private readonly waiting: Waiting

  protected constructor(backend: IJobQueueBackend, logger?: Logger, options?: JobQueueOptions) {
    super(backend, logger, options)
    this.waiting = new Waiting(this.backend, this.logger)
    this.report.onEnd((id) => this.waiting.hasEnded(id))
  }

  async getJob<T = unknown>(id: string): Promise<JobDetail<T> | null> {
    this.assertNotClosed()
    const checked = checkJobId('getJob', id)
    return (await lookWith(this.backend, 'getJob')<T>(checked)) ?? null
  }

  async listJobs(options: ListJobsOptions): Promise<JobPage> {
    this.assertNotClosed()
    normalizeListJobs('listJobs', options)
    return lookWith(this.backend, 'listJobs')(options)
  }

  async waitFor(id: string, options?: WaitForOptions): Promise<WaitForResult> {
    this.assertNotClosed()
    const checked = checkJobId('waitFor', id)
    const { timeoutMs, signal } = normalizeWaitFor(options)
    lookWith(this.backend, 'ends', 'waitFor')
    return this.waiting.waitFor(checked, timeoutMs, signal)
  }

  /** Ends at the end of the queue. */
  protected endWaiting(): void {
    this.waiting.end()
  }
}
