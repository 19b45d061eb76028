/** Schedules: jobs that come again and again. */
import type { IJobQueueBackend } from './backend.js'
import type { MappedJobName } from './job-types.js'
import type { EnqueueOptions } from './produce.js'
import type { JobQueue } from './queue.js'

/** When a schedule comes: by a cron pattern, or at equal distances. Exactly one of `cron` and `everyMs` is given. */
export interface ScheduleTimes {
  /**
   * A cron pattern: minute, hour, day of the month, month, day of the week; or six fields, with seconds in front. Names (`MON`,
   * `JAN`), lists, ranges that may wrap (`22-2`), steps, `L` (the last day of the month), `5L` (its last Friday), `5#3` (its third
   * Friday), and `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly` are understood.
   *
   * A pattern with a star in its minute or hour follows elapsed time: when the clocks change it neither pauses nor doubles. Any
   * other pattern runs at its times on the wall, once each: one that the clock skips runs right after the gap.
   */
  cron?: string | undefined
  /** The distance between two occurrences, in milliseconds; 1,000 at least. Counted from `startAt`, or from 1970. */
  everyMs?: number | undefined
  /** The IANA name of the time zone of the pattern. Default: `'UTC'`. */
  timezone?: string | undefined
  /** No occurrence comes before it. */
  startAt?: Date | undefined
  /** No occurrence comes after it. */
  endAt?: Date | undefined
}

/** A schedule: its times, and the rules for occurrences that are late or that meet an earlier one. */
export interface ScheduleSpec extends ScheduleTimes {
  /**
   * The fate of occurrences that came while no worker was there. Default `'once'`.
   *
   * - `'once'`: of all that were missed, the newest is made up for.
   * - `'all'`: each is made up for, oldest first; the newest `maxCatchUp` of them if there are more.
   * - `'skip'`: none is; one that is no later than `maxLateMs` is on time.
   */
  missed?: 'skip' | 'once' | 'all' | undefined
  /**
   * Occurrences that are later than this are not made up for, in milliseconds; 1,000 at least. Default: 60,000 with
   * `missed: 'skip'`, else no limit.
   */
  maxLateMs?: number | undefined
  /** With `missed: 'all'`, how many occurrences to make up for at most; from 1 to 1,000. Default 100. */
  maxCatchUp?: number | undefined
  /**
   * The effect of an occurrence while the job of an earlier one is outstanding. Default `'skip'`.
   *
   * - `'skip'`: it is left out.
   * - `'queue'`: it waits until the other has ended; one waits at most, and further ones are left out.
   * - `'allow'`: both run.
   *
   * `'skip'` can't go with `missed: 'all'`: all but the first would be left out.
   */
  overlap?: 'skip' | 'queue' | 'allow' | undefined
}

/**
 * Options of a schedule's jobs: those of {@link EnqueueOptions} that have a meaning for each of many. The time is the occurrence's, and
 * the dedupe key belongs to `overlap`. `expiresInMs` counts from the occurrence. Those that are absent are the queue's
 * {@link JobQueueOptions.defaults}, as they are at the call.
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

/** The job that {@link JobQueue.schedule} takes: with a map of job types, one with the payload of its type. */
export type ScheduledJobs<Jobs> = [MappedJobName<Jobs>] extends [never]
  ? ScheduledJob
  : {
      [K in MappedJobName<Jobs>]: ScheduledJob<Jobs[K]> & {
        /** The kind of work, one of the map. */
        type: K
      }
    }[MappedJobName<Jobs>]

/** One schedule of {@link JobQueue.applySchedules}: what {@link JobQueue.schedule} takes, as an object. */
export interface NamedSchedule<Job extends ScheduledJob = ScheduledJob> {
  /** Its id; at most 1,000 characters. */
  id: string
  /** Its times and rules. */
  spec: ScheduleSpec
  /** The job of each occurrence. */
  job: Job
}

/** On the job of an occurrence: which one it is. */
export interface Occurrence {
  /** The schedule's id. */
  id: string
  /** The moment at which the schedule came. The job may have been made later. */
  occurrenceAt: Date
}

/** The result of {@link JobQueue.schedule}: `unchanged` means that the schedule was as given already. */
export interface ScheduleResult {
  /** The fate of the schedule. */
  status: 'created' | 'updated' | 'unchanged'
}

/** The result of {@link JobQueue.applySchedules}, as numbers of schedules. */
export interface ApplySchedulesResult {
  /** They were not there. */
  created: number
  /** They were there, and have changed. */
  updated: number
  /** They were as given already. */
  unchanged: number
  /** They were the owner's, and are named no more. */
  removed: number
}

/** The result of {@link JobQueue.unschedule}. */
export interface UnscheduleResult {
  /** Jobs that it has made already stay. */
  status: 'removed' | 'not-found'
}

/** The result of {@link JobQueue.pauseSchedule}. */
export interface PauseScheduleResult {
  /** `unchanged`: it was paused before. */
  status: 'paused' | 'unchanged' | 'not-found'
}

/** The result of {@link JobQueue.resumeSchedule}. */
export interface ResumeScheduleResult {
  /** `unchanged`: it was not paused. */
  status: 'resumed' | 'unchanged' | 'not-found'
}

/** The result of {@link JobQueue.triggerSchedule}: `duplicate` means that a job of the schedule is outstanding, and `overlap` allows no other. */
export type TriggerScheduleResult =
  | {
      /** The job was made. */
      status: 'created'
      /** Its id. */
      id: string
    }
  | {
      /** Nothing was made. */
      status: 'duplicate' | 'not-found'
    }

/** The result of {@link JobQueue.skipSchedule}: `no-occurrence` means that the schedule does not come at this moment, or has come already. */
export interface SkipScheduleResult {
  /** `unchanged`: it was skipped before. */
  status: 'skipped' | 'unchanged' | 'no-occurrence' | 'not-found'
}

/** A stored schedule. Its payload is left out, as it may be large. */
export interface ScheduleInfo {
  /** Its id. */
  id: string
  /** The owner in whose list it stands; see {@link JobQueue.applySchedules}. */
  owner?: string
  /** `ended`: it never comes again. */
  status: 'running' | 'paused' | 'ended'
  /** Its times and rules, with all defaults. */
  spec: ScheduleSpec
  /** The job of each occurrence. */
  job: Omit<ScheduledJob, 'data'>
  /** The next occurrence; in the past while it is overdue, missing while the schedule is paused or once it has ended. */
  nextAt?: Date
  /** The newest occurrence that has come. */
  lastAt?: Date
  /** Occurrences to come that are skipped, ascending. */
  skipped: Date[]
}

/** A backend, as far as it keeps schedules. All of it or none; see {@link IJobQueueBackend}, and {@link JobQueue} for what the calls do. */
export interface SchedulesBackend {
  /** Makes a schedule, or changes it. */
  schedule?(id: string, spec: ScheduleSpec, job: ScheduledJob): Promise<ScheduleResult>
  /** Makes the schedules of an owner be these. */
  applySchedules?(owner: string, schedules: readonly NamedSchedule[]): Promise<ApplySchedulesResult>
  /** Removes a schedule. */
  unschedule?(id: string): Promise<UnscheduleResult>
  /** Has a schedule not come until it is resumed. */
  pauseSchedule?(id: string): Promise<PauseScheduleResult>
  /** Has a paused schedule come again. */
  resumeSchedule?(id: string): Promise<ResumeScheduleResult>
  /** Makes a job of a schedule now. */
  triggerSchedule?(id: string): Promise<TriggerScheduleResult>
  /** Leaves one occurrence out. */
  skipSchedule?(id: string, occurrenceAt: Date): Promise<SkipScheduleResult>
  /** All schedules, by id. */
  listSchedules?(): Promise<ScheduleInfo[]>
  /** Makes the jobs of occurrences from now on, until the returned function is called. A queue calls it with its first processor. */
  fireSchedules?(): () => void
}

/** Options of {@link previewSchedule}. */
export interface PreviewOptions {
  /** Occurrences after this moment are returned. Default: now. */
  after?: Date | undefined
  /** The largest number of occurrences to return. Default: 5. */
  count?: number | undefined
}

/**
 * The next occurrences of a schedule, ascending; fewer than asked for if it ends. Needs no server and no queue.
 *
 * @throws TypeError or RangeError if the schedule is malformed: it names the option, and for a pattern the mistake
 * @example
 * previewSchedule({ cron: '30 2 * * *', timezone: 'Europe/Berlin' }, { count: 3 })
 */
export function previewSchedule(spec: ScheduleSpec, options?: PreviewOptions): Date[]
