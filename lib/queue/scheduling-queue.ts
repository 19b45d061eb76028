import { DurablError } from '../base/errors'
import { fromCaller } from '../base/stack'
import { previewSchedule } from '../schedule/preview'
import type {
  ApplySchedulesResult,
  EnqueueOptions,
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
import { isRecord } from '../validate'
import { SteeringQueue } from './steering-queue'

type ScheduleCall = Exclude<
  keyof IJobQueueBackend & `${string}chedule${string}`,
  'fireSchedules' | 'reschedule'
>

/** The calls on schedules; documented in the public types. The store of the schedules checks their arguments. */
export abstract class SchedulingQueue extends SteeringQueue {
  async schedule(id: string, spec: ScheduleSpec, job: ScheduledJob): Promise<ScheduleResult> {
    return this.keeper('schedule').schedule(id, spec, this.queued(job))
  }

  async applySchedules(owner: string, schedules: readonly NamedSchedule[]): Promise<ApplySchedulesResult> {
    return this.keeper('applySchedules').applySchedules(owner, this.queuedAll(schedules))
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

  /** The options of a call, the queue's defaults filled in. */
  protected withDefaults<O>(type: unknown, options: O): O {
    return this.defaults === null ? options : (this.defaults.for(type, options as EnqueueOptions) as O)
  }

  private queued(job: ScheduledJob): ScheduledJob {
    return isRecord(job) ? { ...job, options: this.withDefaults(job.type, job.options) } : job
  }

  private queuedAll(schedules: readonly NamedSchedule[]): readonly NamedSchedule[] {
    if (this.defaults === null || !Array.isArray(schedules)) return schedules
    const all: readonly NamedSchedule[] = schedules
    return Array.from(all, (entry) => (isRecord(entry) ? { ...entry, job: this.queued(entry.job) } : entry))
  }

  private keeper<K extends ScheduleCall>(call: K): Required<Pick<IJobQueueBackend, K>> {
    this.assertNotClosed()
    const { backend } = this
    if (typeof backend[call] === 'function') return backend as unknown as Required<Pick<IJobQueueBackend, K>>
    const message = `${call}: this backend has no ${call}()`
    throw fromCaller(new DurablError('ERR_DURABL_UNSUPPORTED', message))
  }
}
