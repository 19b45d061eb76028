import type {
  CancelOptions,
  CancelResult,
  CancelledEach,
  JobStatus,
  PromoteResult,
  RecordedJob,
  RemoveResult,
  RescheduleOptions,
  RescheduleResult,
  RetryOptions,
  RetryResult,
} from '../types'
import { checkCancel, checkId, checkPayload, normalizeReschedule, normalizeRetry } from '../validate'
import { checkEachIds, checkEachStatus } from '../validate/many'
import { memory } from './later'
import { MemoryLooks } from './memory-looks'
import type { StoredJob } from './stored-job'

/** Changes of jobs by operators, with arguments checked. */
export abstract class MemorySteering extends MemoryLooks {
  async cancel(jobId: string, options?: CancelOptions): Promise<CancelResult> {
    const { id, reason } = checkCancel('cancel', jobId, options)
    const result = this.model.cancel(id, reason)
    if (result.status === 'cancelled') await this.ended(id)
    return result
  }

  async cancelEach(ids: readonly string[], status?: JobStatus): Promise<CancelledEach[]> {
    const from = checkEachStatus('cancelEach', status)
    const told = memory().steering.cancelEach(this.model, checkEachIds('cancelEach', ids), from)
    for (const [index, one] of told.entries()) if (one === 'cancelled') await this.ended(ids[index]!)
    return told
  }

  async retry(id: string, options?: RetryOptions): Promise<RetryResult> {
    const checked = checkId('retry', id)
    const wanted = normalizeRetry(options)
    if (wanted.replacement !== null) checkPayload('retry', wanted.replacement.data)
    return this.steered(checked, memory().steering.retry(this.model, checked, wanted))
  }

  async promote(id: string): Promise<PromoteResult> {
    const checked = checkId('promote', id)
    return this.steered(checked, memory().steering.promote(this.model, checked))
  }

  async reschedule(id: string, options: RescheduleOptions): Promise<RescheduleResult> {
    const checked = checkId('reschedule', id)
    return this.steered(
      checked,
      memory().steering.reschedule(this.model, checked, normalizeReschedule(options)),
    )
  }

  async remove(id: string): Promise<RemoveResult> {
    return memory().steering.remove(this.model, checkId('remove', id))
  }

  /** A job has another state. */
  protected abstract changed(job: RecordedJob): void | Promise<void>

  /** A pending job has another time. */
  protected moved({ job }: StoredJob): void | Promise<void> {
    return this.changed(job)
  }

  private async steered<R extends { status: string }>(id: string, result: R): Promise<R> {
    const stored = this.model.stored.get(id)
    const isMoved = ['retried', 'promoted', 'rescheduled'].includes(result.status)
    if (isMoved && stored !== undefined) await this.moved(stored)
    return result
  }

  private async ended(id: string): Promise<void> {
    const job = this.model.jobOf(id)
    if (job !== null) await this.changed(job)
  }
}
