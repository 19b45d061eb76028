import { controlOf } from '../backend/control'
import type {
  CancelOptions,
  CancelResult,
  JobSelection,
  ManyOptions,
  ManyResult,
  PromoteResult,
  RemoveResult,
  RescheduleOptions,
  RescheduleResult,
  RetryOptions,
  RetryResult,
} from '../types'
import { checkCancel, checkId, normalizeReschedule, normalizeRetry } from '../validate'
import { FleetQueue } from './fleet-queue'
import { changeMany } from './many'
import type { Told } from './many'

/** The calls of a queue that change jobs; documented in the public types. */
export abstract class SteeringQueue extends FleetQueue {
  async cancel(id: string, options?: CancelOptions): Promise<CancelResult> {
    this.assertNotClosed()
    const { id: checked, reason } = checkCancel('cancel', id, options)
    const result = await controlOf(this.backend, 'cancel')(checked, options)
    if (result.status === 'requested' || result.status === 'cancelled')
      this.cancelled(checked, result.status, reason)
    return result
  }

  async retry(id: string, options?: RetryOptions): Promise<RetryResult> {
    this.assertNotClosed()
    const checked = checkId('retry', id)
    const { delayMs } = normalizeRetry(options)
    const result = await controlOf(this.backend, 'retry')(checked, options)
    if (result.status === 'retried') {
      this.report.change?.({ kind: 'retried', jobId: checked })
      this.driver.wake(null, delayMs)
    }
    return result
  }

  async promote(id: string): Promise<PromoteResult> {
    this.assertNotClosed()
    const result = await controlOf(this.backend, 'promote')(checkId('promote', id))
    if (result.status === 'promoted') this.driver.wake(null, 0)
    return result
  }

  async reschedule(id: string, options: RescheduleOptions): Promise<RescheduleResult> {
    this.assertNotClosed()
    const checked = checkId('reschedule', id)
    const { delayMs, runAt } = normalizeReschedule(options)
    const result = await controlOf(this.backend, 'reschedule')(checked, options)
    if (result.status === 'rescheduled') {
      const waitMs = delayMs ?? (runAt === null ? 0 : runAt.getTime() - Date.now())
      this.driver.wake(null, Math.max(0, waitMs))
    }
    return result
  }

  async remove(id: string): Promise<RemoveResult> {
    this.assertNotClosed()
    return controlOf(this.backend, 'remove')(checkId('remove', id))
  }

  cancelMany(selection: JobSelection, options?: ManyOptions): Promise<ManyResult> {
    const told: Told = (id, status) => this.cancelled(id, status, null)
    return this.changeMany('cancelMany', selection, options, told)
  }

  async retryMany(selection: JobSelection, options?: ManyOptions): Promise<ManyResult> {
    return this.wakeAfterMany(await this.changeMany('retryMany', selection, options, this.toldOfRetries()))
  }

  async promoteMany(selection: JobSelection, options?: ManyOptions): Promise<ManyResult> {
    return this.wakeAfterMany(await this.changeMany('promoteMany', selection, options, null))
  }

  removeMany(selection: JobSelection, options?: ManyOptions): Promise<ManyResult> {
    return this.changeMany('removeMany', selection, options, null)
  }

  private async changeMany(
    where: Parameters<typeof changeMany>[1],
    selection: JobSelection,
    options: ManyOptions | undefined,
    told: Told | null,
  ): Promise<ManyResult> {
    this.assertNotClosed()
    return changeMany(this.backend, where, selection, options, told)
  }

  private toldOfRetries(): Told | null {
    const { change } = this.report
    return change === null ? null : (jobId) => change({ kind: 'retried', jobId })
  }

  /** A job was cancelled, or asked to be. Other processes, and other queues of this one, find out by themselves. */
  private cancelled(jobId: string, status: string, reason: string | null): void {
    this.report.change?.({ kind: 'cancelled', jobId, ended: status === 'cancelled' })
    if (status === 'requested') this.driver.jobCancelled(jobId, reason)
  }

  private wakeAfterMany(result: ManyResult): ManyResult {
    if (result.changed > 0) this.driver.wake(null, 0)
    return result
  }
}
