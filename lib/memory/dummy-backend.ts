import { isolatedListener } from '../base/app-code'
import type {
  ApplySchedulesResult,
  JobAvailableListener,
  JobStatus,
  MemoryBackendOptions,
  NamedSchedule,
  PauseScheduleResult,
  RecordedJob,
  ResumeScheduleResult,
  ScheduledJob,
  ScheduleInfo,
  ScheduleResult,
  ScheduleSpec,
  SkipScheduleResult,
  TriggerScheduleResult,
  UnscheduleResult,
} from '../types'
import { checkListener } from '../validate'
import { memory } from './later'
import { MemoryBackend } from './memory-backend'
import type { MemorySchedules } from './schedules'

/** Jobs in memory for unit tests; documented in the public types. Pushes wake-ups, so that a processor claims in the same tick. */
export class DummyBackend extends MemoryBackend {
  /** The timeout of each call of `recoverStuckJobs`. */
  readonly recoverStuckJobsCalls: (number | undefined)[] = []
  private readonly listeners = new Set<JobAvailableListener>()
  private readonly alarm = new (memory().Alarm)(
    () => this.model.soonestFuture(),
    () => this.model.now(),
    () => {
      this.model.endExpired()
      this.wake('')
    },
  )

  private readonly schedules: MemorySchedules

  constructor(options?: MemoryBackendOptions) {
    super('DummyBackend', 'dummy', options)
    this.schedules = new (memory().MemorySchedules)(this.model, (job) => this.changed(job))
  }

  reset(): void {
    this.model.reset()
    this.schedules.reset()
    this.recoverStuckJobsCalls.length = 0
    this.alarm.stop()
  }

  getJobsByType<T = any>(type: string): RecordedJob<T>[] {
    return this.jobs.filter((job): job is RecordedJob<T> => job.type === type)
  }

  getJobsByStatus<T = any>(status: JobStatus): RecordedJob<T>[] {
    return this.jobs.filter((job): job is RecordedJob<T> => job.status === status)
  }

  onJobAvailable(listener: JobAvailableListener): () => void {
    // Wrapped, so that a function that listens twice is called twice and leaves once at a time. A wake-up is a hint: a listener that can't take
    // it loses time, and the job was stored.
    const tell = isolatedListener(checkListener('onJobAvailable', listener), () => {})
    this.listeners.add(tell)
    this.alarm.start()
    return () => {
      this.listeners.delete(tell)
      if (this.listeners.size === 0) this.alarm.stop()
    }
  }

  schedule(id: string, spec: ScheduleSpec, job: ScheduledJob): Promise<ScheduleResult> {
    return this.schedules.book.schedule(id, spec, job)
  }

  applySchedules(owner: string, list: readonly NamedSchedule[]): Promise<ApplySchedulesResult> {
    return this.schedules.book.applySchedules(owner, list)
  }

  unschedule(id: string): Promise<UnscheduleResult> {
    return this.schedules.book.unschedule(id)
  }

  pauseSchedule(id: string): Promise<PauseScheduleResult> {
    return this.schedules.book.pauseSchedule(id)
  }

  resumeSchedule(id: string): Promise<ResumeScheduleResult> {
    return this.schedules.book.resumeSchedule(id)
  }

  triggerSchedule(id: string): Promise<TriggerScheduleResult> {
    return this.schedules.trigger(id)
  }

  skipSchedule(id: string, occurrenceAt: Date): Promise<SkipScheduleResult> {
    return this.schedules.book.skipSchedule(id, occurrenceAt)
  }

  listSchedules(): Promise<ScheduleInfo[]> {
    return this.schedules.book.listSchedules()
  }

  fireSchedules(): () => void {
    return this.schedules.begin()
  }

  override recoverStuckJobs(visibilityTimeoutMs?: number, maxPerSweep?: number): Promise<number> {
    this.recoverStuckJobsCalls.push(visibilityTimeoutMs)
    return super.recoverStuckJobs(visibilityTimeoutMs, maxPerSweep)
  }

  override async resetStorage(): Promise<void> {
    this.reset()
  }

  override async shutdown(_timeoutMs?: number): Promise<void> {
    this.alarm.stop()
    this.schedules.stop()
  }

  protected override changed(job: RecordedJob): void {
    if (this.listeners.size === 0) return
    if (job.dedupeKey !== undefined) this.wakeBehind(job, job.dedupeKey)
    if (job.status !== 'pending') return
    if (job.expiresAt !== undefined) this.alarm.add(job.expiresAt.getTime())
    const runAt = job.runAt.getTime()
    if (runAt <= this.model.now()) this.wake(job.type)
    else this.alarm.add(runAt)
  }

  protected override resumed(type: string): void {
    this.wake(type)
  }

  /** A job of this key has moved, so another may be claimable now, perhaps of another type. */
  private wakeBehind(moved: RecordedJob, dedupeKey: string): void {
    for (const { job } of [...this.model.pendingUnder(dedupeKey)]) if (job !== moved) this.wake(job.type)
  }

  private wake(type: string): void {
    for (const tell of [...this.listeners]) tell(type)
  }
}
