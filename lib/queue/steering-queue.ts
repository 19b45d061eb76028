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

/** The calls of a queue that change jobs; documented in the public types. */
export abstract class SteeringQueue extends FleetQueue {
  async cancel(id: string, options?: CancelOptions): Promise<CancelResult> {
    this.assertNotClosed()
    const { id: checked, reason } = checkCancel('cancel', id, options)
    const result = await controlOf(this.backend, 'cancel')(checked, options)
    // Other processes, and other queues of this one, find out by themselves.
    if (result.status === 'requested') this.driver.jobCancelled(checked, reason)
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

  async retryMany(selection: JobSelection, options?: ManyOptions): Promise<ManyResult> {
    return this.wakeAfterMany(await this.changeMany('retryMany', selection, options))
  }

  async promoteMany(selection: JobSelection, options?: ManyOptions): Promise<ManyResult> {
    return this.wakeAfterMany(await this.changeMany('promoteMany', selection, options))
  }

  removeMany(selection: JobSelection, options?: ManyOptions): Promise<ManyResult> {
    return this.changeMany('removeMany', selection, options)
  }

  private async changeMany(
    where: Parameters<typeof changeMany>[1],
    selection: JobSelection,
    options: ManyOptions | undefined,
  ): Promise<ManyResult> {
    this.assertNotClosed()
    const { change } = this.report
    const isTold = where === 'retryMany' && change !== null
    const told = isTold ? (jobId: string) => change({ kind: 'retried', jobId }) : null
    return changeMany(this.backend, where, selection, options, told)
  }

  private wakeAfterMany(result: ManyResult): ManyResult {
    if (result.changed > 0) this.driver.wake(null, 0)
    return result
  }
}
