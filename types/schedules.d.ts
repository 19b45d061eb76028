/** The times of a schedule. */

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

/** Options of {@link previewSchedule}. */
export interface PreviewOptions {
  /** Occurrences after this moment are returned. Default: now. */
  after?: Date | undefined
  /** How many occurrences to return, at most. Default: 5. */
  count?: number | undefined
}

/**
 * The next occurrences of a schedule, ascending; fewer than asked for if it ends. Needs no server and no queue.
 *
 * @throws TypeError or RangeError if the times are malformed: it names the option, and for a pattern the mistake
 * @example
 * previewSchedule({ cron: '30 2 * * *', timezone: 'Europe/Berlin' }, { count: 3 })
 */
export function previewSchedule(times: ScheduleTimes, options?: PreviewOptions): Date[]
