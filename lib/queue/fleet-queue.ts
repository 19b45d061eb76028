import { DurablError } from '../base/errors'
import { fromCaller } from '../base/stack'
import type {
  ActionQuery,
  ActionRecord,
  ActionRequest,
  HistoryQuery,
  IJobQueueBackend,
  PauseOptions,
  PauseResult,
  QueueCounts,
  QueueHistory,
  RecordResult,
  ResumeResult,
  WorkerInfo,
} from '../types'
import {
  checkType,
  normalizeAction,
  normalizeActions,
  normalizeHistory,
  reasonOfPause,
  typeOfCounts,
} from '../validate'
import { LookingQueue } from './looking-queue'

/** Calls about all workers of a queue as one. */
export abstract class FleetQueue extends LookingQueue {
  async pause(type: string, options?: PauseOptions): Promise<PauseResult> {
    this.assertNotClosed()
    const checked = checkType('pause', type)
    reasonOfPause(options)
    return this.ask('pause', this.backend.pause?.(checked, options))
  }

  async resume(type: string): Promise<ResumeResult> {
    this.assertNotClosed()
    const checked = checkType('resume', type)
    const result = await this.ask('resume', this.backend.resume?.(checked))
    this.driver.wake(checked, 0)
    return result
  }

  async counts(options?: { type?: string | undefined }): Promise<QueueCounts> {
    this.assertNotClosed()
    typeOfCounts(options)
    return this.ask('counts', this.backend.counts?.(options))
  }

  async listWorkers(): Promise<WorkerInfo[]> {
    this.assertNotClosed()
    return this.ask('listWorkers', this.backend.listWorkers?.())
  }

  async history(query: HistoryQuery): Promise<QueueHistory> {
    this.assertNotClosed()
    normalizeHistory(query)
    return this.ask('history', this.backend.history?.(query))
  }

  async recordAction(action: ActionRequest): Promise<RecordResult> {
    this.assertNotClosed()
    normalizeAction(action)
    return this.ask('recordAction', this.backend.recordAction?.(action))
  }

  async listActions(query?: ActionQuery): Promise<ActionRecord[]> {
    this.assertNotClosed()
    normalizeActions(query)
    return this.ask('listActions', this.backend.listActions?.(query))
  }

  /** The answer to a call of the backend, which may lack that method: then there is none. */
  private ask<T>(name: keyof IJobQueueBackend, answer: Promise<T> | undefined): Promise<T> {
    if (answer !== undefined) return answer
    throw fromCaller(new DurablError('ERR_DURABL_UNSUPPORTED', `${name}: this backend has no ${name}()`))
  }
}
