/** Schedules: stored rules that make a job again and again. */
import type { IJobQueueBackend } from './backend.js'
import type { MappedJobName } from './job-types.js'
import type { EnqueueOptions } from './produce.js'
import type { JobQueue } from './queue.js'

/** The times of a schedule: by a cron pattern, or at equal distances. Give exactly one of `cron` and `everyMs`. */
export interface ScheduleTimes {
  /**
   * A cron pattern: minute, hour, day of the month, month, day of the week; or six fields, with seconds first.
   *
   * It may contain names (`MON`, `JAN`), lists, ranges that may wrap (`22-2`) and steps. Days may be `L` (the last day of the month), `5L` (its
   * last Friday) or `5#3` (its third Friday). The pattern may also be `@hourly`, `@daily`, `@weekly`, `@monthly` or `@yearly`.
   *
   * A pattern with a star in its minute or hour follows elapsed time: when the clocks change, it neither pauses nor doubles. Any
   * other pattern follows wall-clock time, and each of its times comes once. A time that the clocks skip comes right after the gap.
   */
  cron?: string | undefined
  /** The distance between two occurrences, in milliseconds; 1,000 at least. Counted from `startAt`, or from 1970. */
  everyMs?: number | undefined
  /** The IANA time zone of the pattern. Default `'UTC'`. */
  timezone?: string | undefined
  /** The moment before which no occurrence comes. Default: none. */
  startAt?: Date | undefined
  /** The moment after which no occurrence comes. Default: none. */
  endAt?: Date | undefined
}

/** A schedule: its times, and its rules for occurrences that are late or overlap an earlier one. */
export interface ScheduleSpec extends ScheduleTimes {
  /**
   * The rule for occurrences that came while no worker was running. Default `'once'`.
   *
   * - `'once'`: only the newest missed occurrence is made up for.
   * - `'all'`: each one is made up for, oldest first; if there are more than `maxCatchUp`, only the newest of them.
   * - `'skip'`: none is made up for. An occurrence that is at most `maxLateMs` late is on time.
   */
  missed?: 'skip' | 'once' | 'all' | undefined
  /**
   * The largest delay at which an occurrence still makes its job, in milliseconds; at least 1,000. Default: 60,000 with
   * `missed: 'skip'`, otherwise no limit.
   */
  maxLateMs?: number | undefined
  /** The largest number of occurrences to make up for with `missed: 'all'`, from 1 to 1,000. Default 100. */
  maxCatchUp?: number | undefined
  /**
   * The rule for an occurrence while the job of an earlier one is outstanding. Default `'skip'`.
   *
   * - `'skip'`: the occurrence is left out.
   * - `'queue'`: it waits until the earlier job has ended. At most one waits; further ones are left out.
   * - `'allow'`: both run.
   *
   * `missed: 'all'` needs `'allow'`: with the others, all missed occurrences but the first would be left out.
   */
  overlap?: 'skip' | 'queue' | 'allow' | undefined
}

/**
 * Options of a schedule's jobs: those of {@link EnqueueOptions} that make sense for many jobs. The time of each job is its occurrence, and
 * `overlap` uses the dedupe key. `expiresInMs` counts from the occurrence. Options that are left out come from the queue's
 * {@link JobQueueOptions.defaults} at the time of the call.
 */
export type ScheduledJobOptions = Pick<
  EnqueueOptions,
  'priority' | 'maxAttempts' | 'backoff' | 'backoffDelay' | 'backoffMaxDelay' | 'timeoutMs' | 'expiresInMs'
>

/** The job that each occurrence makes. */
export interface ScheduledJob<T = unknown> {
  /** The kind of work; at most 4,096 characters. */
  type: string
  /** The payload, the same for each occurrence. */
  data: T
  /** Options of the jobs. */
  options?: ScheduledJobOptions | undefined
}

/** The job that {@link JobQueue.schedule} accepts. With a map of job types, it has the payload of its type. */
export type ScheduledJobs<Jobs> = [MappedJobName<Jobs>] extends [never]
  ? ScheduledJob
  : {
      [K in MappedJobName<Jobs>]: ScheduledJob<Jobs[K]> & {
        /** The kind of work: a name in the map. */
        type: K
      }
    }[MappedJobName<Jobs>]

/** One schedule of {@link JobQueue.applySchedules}: the arguments of {@link JobQueue.schedule} as an object. */
export interface NamedSchedule<Job extends ScheduledJob = ScheduledJob> {
  /** The schedule's id; at most 1,000 characters. */
  id: string
  /** The times and rules. */
  spec: ScheduleSpec
  /** The job of each occurrence. */
  job: Job
}

/** The occurrence that made a job. */
export interface Occurrence {
  /** The schedule's id. */
  id: string
  /** The moment of the occurrence. The job may have been made later. */
  occurrenceAt: Date
}

/** The result of {@link JobQueue.schedule}. `unchanged`: the schedule was like that already. */
export interface ScheduleResult {
  /** The fate of the schedule. */
  status: 'created' | 'updated' | 'unchanged'
}

/** The result of {@link JobQueue.applySchedules}: numbers of schedules. */
export interface ApplySchedulesResult {
  /** Schedules that were made. */
  created: number
  /** Schedules that were changed. */
  updated: number
  /** Schedules that were like that already. */
  unchanged: number
  /** Schedules of the owner that were removed, as the list no longer names them. */
  removed: number
}

/** The result of {@link JobQueue.unschedule}. */
export interface UnscheduleResult {
  /** `removed`: the schedule is gone; jobs that it has made already stay. */
  status: 'removed' | 'not-found'
}

/** The result of {@link JobQueue.pauseSchedule}. */
export interface PauseScheduleResult {
  /** `unchanged`: the schedule was paused already. */
  status: 'paused' | 'unchanged' | 'not-found'
}

/** The result of {@link JobQueue.resumeSchedule}. */
export interface ResumeScheduleResult {
  /** `unchanged`: the schedule was not paused. */
  status: 'resumed' | 'unchanged' | 'not-found'
}

/** The result of {@link JobQueue.triggerSchedule}. `duplicate`: a job of the schedule is outstanding, and `overlap` allows no second one. */
export type TriggerScheduleResult =
  | {
      /** The job was made. */
      status: 'created'
      /** The job's id. */
      id: string
    }
  | {
      /** No job was made. */
      status: 'duplicate' | 'not-found'
    }

/** The result of {@link JobQueue.skipSchedule}. `no-occurrence`: the schedule has no occurrence at this moment, or it has come already. */
export interface SkipScheduleResult {
  /** `unchanged`: the occurrence was skipped already. */
  status: 'skipped' | 'unchanged' | 'no-occurrence' | 'not-found'
}

/** A stored schedule, without its payload, which may be large. */
export interface ScheduleInfo {
  /** The schedule's id. */
  id: string
  /** The owner whose list names the schedule; see {@link JobQueue.applySchedules}. */
  owner?: string
  /** The state of the schedule. `ended`: it has no further occurrence. */
  status: 'running' | 'paused' | 'ended'
  /** The times and rules, with all defaults. */
  spec: ScheduleSpec
  /** The job that each occurrence makes. */
  job: Omit<ScheduledJob, 'data'>
  /** The next occurrence; in the past if it is overdue. Missing while the schedule is paused and after it has ended. */
  nextAt?: Date
  /** The newest occurrence that has come; missing before the first. */
  lastAt?: Date
  /** Future occurrences that will be skipped, in ascending order. */
  skipped: Date[]
}

/** The part of a backend that keeps schedules; all methods or none. See {@link IJobQueueBackend}, and {@link JobQueue} for each call. */
export interface SchedulesBackend {
  /** Makes or changes a schedule. */
  schedule?(id: string, spec: ScheduleSpec, job: ScheduledJob): Promise<ScheduleResult>
  /** Makes the schedules of an owner match a list. */
  applySchedules?(owner: string, schedules: readonly NamedSchedule[]): Promise<ApplySchedulesResult>
  /** Removes a schedule. */
  unschedule?(id: string): Promise<UnscheduleResult>
  /** Pauses a schedule until it is resumed. */
  pauseSchedule?(id: string): Promise<PauseScheduleResult>
  /** Resumes a paused schedule. */
  resumeSchedule?(id: string): Promise<ResumeScheduleResult>
  /** Makes a job of a schedule now. */
  triggerSchedule?(id: string): Promise<TriggerScheduleResult>
  /** Skips one future occurrence. */
  skipSchedule?(id: string, occurrenceAt: Date): Promise<SkipScheduleResult>
  /** Returns all schedules, sorted by id. */
  listSchedules?(): Promise<ScheduleInfo[]>
  /** Makes the jobs of occurrences until the returned function is called. A queue calls it with its first processor. */
  fireSchedules?(): () => void
}

/** Options of {@link previewSchedule}. */
export interface PreviewOptions {
  /** The moment after which occurrences are returned. Default: now. */
  after?: Date | undefined
  /** The largest number of occurrences to return. Default 5. */
  count?: number | undefined
}

/**
 * Returns the next occurrences of a schedule in ascending order; fewer than asked for if the schedule ends. Needs no server and no queue.
 *
 * @throws TypeError or RangeError if the schedule is malformed. The message names the option, and the mistake in a pattern
 * @example
 * previewSchedule({ cron: '30 2 * * *', timezone: 'Europe/Berlin' }, { count: 3 })
 */
export function previewSchedule(spec: ScheduleSpec, options?: PreviewOptions): Date[]
