import { DurablError } from '../base/errors'
import { fromCaller } from '../base/stack'
import type { IJobQueueBackend, PauseOptions, PauseResult, ResumeResult } from '../types'
import { checkType, reasonOfPause } from '../validate'
import { LookingQueue } from './looking-queue'

/** Calls about all workers of a queue as one. */
export abstract class FleetQueue extends LookingQueue {
  async pause(type: string, options?: PauseOptions): Promise<PauseResult> {
    this.assertNotClosed()
    const checked = checkType('pause', type)
    reasonOfPause(options)
    return this.ask('pause', (backend) => backend.pause?.(checked, options))
  }

  async resume(type: string): Promise<ResumeResult> {
    this.assertNotClosed()
    const checked = checkType('resume', type)
    const result = await this.ask('resume', (backend) => backend.resume?.(checked))
    this.driver.wake(checked, 0)
    return result
  }

  /** One call of the backend, which need not have it. */
  private ask<T>(
    name: keyof IJobQueueBackend,
    call: (backend: IJobQueueBackend) => Promise<T> | undefined,
  ): Promise<T> {
    const asked = typeof this.backend[name] === 'function' ? call(this.backend) : undefined
    if (asked !== undefined) return asked
    throw fromCaller(new DurablError('ERR_DURABL_UNSUPPORTED', `${name}: this backend has no ${name}()`))
  }
}
