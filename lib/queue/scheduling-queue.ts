import { DurablError } from '../base/errors'
import { fromCaller } from '../base/stack'
import { previewSchedule } from '../schedule/spec'
import type {
  ApplySchedulesResult,
  IJobQueueBackend,
  NamedSchedule,
  PauseScheduleResult,
  PreviewOptions,
  ResumeScheduleResult,
  ScheduledJob,
  ScheduleInfo,
  ScheduleResult,
  ScheduleSpec,
  SkipScheduleResult,
  TriggerScheduleResult,
  UnscheduleResult,
} from '../types'
import { SteeringQueue } from './steering-queue'

type ScheduleCall = Exclude<
  keyof IJobQueueBackend & `${string}chedule${string}`,
  'fireSchedules' | 'reschedule'
>

/** The calls on schedules; documented in the public types. Whatever keeps the schedules checks their arguments. */
export abstract class SchedulingQueue extends SteeringQueue {
  async schedule(id: string, spec: ScheduleSpec, job: ScheduledJob): Promise<ScheduleResult> {
    return this.keeper('schedule').schedule(id, spec, job)
  }

  async applySchedules(owner: string, schedules: readonly NamedSchedule[]): Promise<ApplySchedulesResult> {
    return this.keeper('applySchedules').applySchedules(owner, schedules)
  }

  async unschedule(id: string): Promise<UnscheduleResult> {
    return this.keeper('unschedule').unschedule(id)
  }

  async pauseSchedule(id: string): Promise<PauseScheduleResult> {
    return this.keeper('pauseSchedule').pauseSchedule(id)
  }

  async resumeSchedule(id: string): Promise<ResumeScheduleResult> {
    return this.keeper('resumeSchedule').resumeSchedule(id)
  }

  async triggerSchedule(id: string): Promise<TriggerScheduleResult> {
    return this.keeper('triggerSchedule').triggerSchedule(id)
  }

  async skipSchedule(id: string, occurrenceAt: Date): Promise<SkipScheduleResult> {
    return this.keeper('skipSchedule').skipSchedule(id, occurrenceAt)
  }

  async listSchedules(): Promise<ScheduleInfo[]> {
    return this.keeper('listSchedules').listSchedules()
  }

  previewSchedule(spec: ScheduleSpec, options?: PreviewOptions): Date[] {
    return previewSchedule(spec, options)
  }

  private keeper<K extends ScheduleCall>(call: K): Required<Pick<IJobQueueBackend, K>> {
    this.assertNotClosed()
    const { backend } = this
    if (typeof backend[call] === 'function') return backend as unknown as Required<Pick<IJobQueueBackend, K>>
    const message = `${call}: this backend has no ${call}()`
    throw fromCaller(new DurablError('ERR_DURABL_UNSUPPORTED', message))
  }
}
