/** The history of a queue, from documents of an hour each. */
import type { HistoryDurations, HistoryMinute, QueueHistory, TypeHistory } from '../types'

/** Upper bounds of the histograms, in milliseconds. */
export const BOUNDS_MS: readonly number[] = Array.from({ length: 26 }, (_, i) => 2 ** i / 100)

const MINUTE_MS = 60_000
const SPAN_MS = 10 * MINUTE_MS

/** Counters by name; a missing one is 0. */
export type Counters = Record<string, number>

/** One hour of one type. */
export interface HourDocument {
  readonly type: string
  /** Its beginning. */
  readonly hour: Date
  /** By the minute of the hour. */
  readonly minutes?: Record<string, Counters>
  /** By the ten minutes of the hour; histograms by bucket. */
  readonly spans?: Record<string, { readonly run?: Counters; readonly wait?: Counters }>
}

/** Puts the hours together, and leaves out the minutes, or spans of ten, without a part in the range. */
export function historyOf(
  hours: readonly HourDocument[],
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): QueueHistory {
  const isWithin = (at: number, length: number): boolean => at + length > fromMs && at < toMs
  const types = new Map<string, TypeHistory>()
  for (const { type, hour, minutes = {}, spans = {} } of byTime(hours)) {
    const history = types.get(type) ?? { type, minutes: [], durations: [] }
    types.set(type, history)
    for (const [minute, counters] of inOrder(minutes)) {
      const at = hour.getTime() + minute * MINUTE_MS
      if (isWithin(at, MINUTE_MS)) history.minutes.push(minuteOf(new Date(at), counters))
    }
    for (const [span, { run, wait }] of inOrder(spans)) {
      const at = hour.getTime() + span * SPAN_MS
      if (isWithin(at, SPAN_MS)) history.durations.push(durationsOf(new Date(at), run, wait))
    }
  }
  const known = [...types.values()].filter(({ minutes, durations }) => minutes.length + durations.length > 0)
  return { boundsMs: [...BOUNDS_MS], types: known.sort((one, other) => (one.type < other.type ? -1 : 1)) }
}

function byTime(hours: readonly HourDocument[]): HourDocument[] {
  return [...hours].sort((one, other) => one.hour.getTime() - other.hour.getTime())
}

function inOrder<T>(byNumber: Record<string, T>): [number, T][] {
  const entries = Object.entries(byNumber).map(([number, value]): [number, T] => [Number(number), value])
  return entries.sort(([one], [other]) => one - other)
}

function minuteOf(at: Date, counters: Counters): HistoryMinute {
  const of = (name: string): number => counters[name] ?? 0
  return {
    at,
    completed: of('completed'),
    exhausted: of('exhausted'),
    fatal: of('fatal'),
    cancelled: of('cancelled'),
    expired: of('expired'),
    superseded: of('superseded'),
    failedAttempts: of('failedAttempts'),
  }
}

function durationsOf(at: Date, run: Counters = {}, wait: Counters = {}): HistoryDurations {
  const buckets = (counters: Counters): number[] =>
    Array.from({ length: BOUNDS_MS.length + 1 }, (_, i) => counters[i] ?? 0)
  return { at, run: buckets(run), wait: buckets(wait) }
}

/** The bucket that a length of time belongs into. */
export function bucketOf(ms: number): number {
  const bucket = BOUNDS_MS.findIndex((bound) => ms <= bound)
  return bucket < 0 ? BOUNDS_MS.length : bucket
}
