/** A schedule as an app gives it: its times, its rules and its job, checked. */
import { argumentError } from '../base/errors'
import type { EnqueueOptions, PreviewOptions, ScheduledJobOptions, ScheduleSpec } from '../types'
import { normalizeEnqueue } from '../validate'
import type { NewJob } from '../validate'
import { hintFor } from '../validate/elsewhere'
import { readOptions, unknownName } from '../validate/options'
import { DATE, check, duration, isRecord, oneOf, wholeNumber } from '../validate/rules'
import type { Rule } from '../validate/rules'
import { quote, show } from '../validate/show'
import { TIME_RULES, readTimes, timingOf } from './timing'
import type { Times } from './timing'

const MOST_PREVIEWED = 10_000
const MOST_CATCH_UP = 1000
const DEFAULT_CATCH_UP = 100
const LONGEST_ID = 1000

/** Before the id of a schedule: the dedupe key of its jobs. Before that and a moment: the id of the moment's job. */
export const PREFIX = 'durabl:schedule:'

/** A schedule, checked, with every default filled in. */
export interface Spec extends Times {
  readonly missed: 'skip' | 'once' | 'all'
  /** Null for no limit. */
  readonly maxLateMs: number | null
  readonly maxCatchUp: number
  readonly overlap: 'skip' | 'queue' | 'allow'
}

/** A schedule that an app wants. */
export interface Wish {
  readonly id: string
  readonly spec: Spec
  readonly job: NewJob
  readonly data: unknown
}

const LEAST_LATE_MS = 1000
/** An occurrence that is no later than this has not been missed. */
const ON_TIME_MS = 60_000

const SPEC_RULES = {
  ...TIME_RULES,
  missed: oneOf('skip', 'once', 'all'),
  maxLateMs: duration(LEAST_LATE_MS),
  maxCatchUp: wholeNumber(1, MOST_CATCH_UP),
  overlap: oneOf('skip', 'queue', 'allow'),
} satisfies Record<keyof ScheduleSpec, Rule<unknown>>

const PREVIEW_RULES = {
  after: DATE,
  count: wholeNumber(1, MOST_PREVIEWED),
} satisfies Record<keyof PreviewOptions, Rule<unknown>>

/** A part of ids of documents, so it may hold nothing that the database would change. */
const SCHEDULE_NAME: Rule<string> = {
  allowed: `a non-empty string of at most ${LONGEST_ID} characters, without null characters and unpaired surrogates`,
  read: (value) => {
    if (typeof value !== 'string' || value === '') return { wrong: 'type' }
    const isOdd = value.length > LONGEST_ID || value.includes('\0') || /\p{Surrogate}/u.test(value)
    return isOdd ? { wrong: 'range' } : { value }
  },
}

export function checkScheduleId(where: string, id: unknown): string {
  return check(where, 'id', id, SCHEDULE_NAME)
}

export function checkOwner(where: string, owner: unknown): string {
  return check(where, 'owner', owner, SCHEDULE_NAME)
}

export function checkMoment(where: string, what: string, moment: unknown): number {
  return check(where, what, moment, DATE).getTime()
}

/** @throws TypeError, RangeError that name the option, and for a pattern the mistake */
export function readSpec(where: string, given: unknown): Spec {
  if (typeof given === 'string') {
    throw argumentError(
      TypeError,
      `${where}: spec must be an object { cron } or { everyMs }; got ${show(given)}. A schedule is made by ` +
        'schedule(id, { cron } or { everyMs }, { type, data }); one job at a later time by enqueue(type, data, { runAt })',
    )
  }
  const read = readOptions(where, given, SPEC_RULES)
  const { missed = 'once', maxLateMs, maxCatchUp = DEFAULT_CATCH_UP, overlap = 'skip' } = read
  const times = readTimes(where, read)
  if (missed === 'all' && overlap !== 'allow') {
    throw argumentError(
      TypeError,
      `${where}: option "missed" 'all' cannot go with "overlap" '${overlap}'${
        read.overlap === undefined ? ', which is the default' : ''
      }: all missed occurrences but the first would be left out. Use overlap 'allow', or missed 'once'`,
    )
  }
  return {
    ...times,
    missed,
    maxLateMs: maxLateMs ?? (missed === 'skip' ? ON_TIME_MS : null),
    maxCatchUp,
    overlap,
  }
}

const JOB_FIELDS = ['type', 'data', 'options']

/** In the order in which an error names them. */
const JOB_OPTIONS = [
  'priority',
  'maxAttempts',
  'backoff',
  'backoffDelay',
  'backoffMaxDelay',
  'timeoutMs',
  'expiresInMs',
] as const satisfies readonly (keyof ScheduledJobOptions)[]

export function isJobOption(name: string): boolean {
  return (JOB_OPTIONS as readonly string[]).includes(name)
}

/** @throws TypeError, RangeError that name the part */
export function readWish(where: string, id: unknown, spec: unknown, job: unknown): Wish {
  const checkedId = checkScheduleId(where, id)
  const checked = readSpec(where, spec)
  if (!isRecord(job)) {
    throw argumentError(
      TypeError,
      `${where}: job must be an object { type, data, options }; got ${show(job)}`,
    )
  }
  for (const name of Object.keys(job)) {
    if (!JOB_FIELDS.includes(name)) throw unknownName(where, 'field of job', name, JOB_FIELDS)
  }
  return { id: checkedId, spec: checked, job: newJob(where, checkedId, checked, job), data: job.data }
}

/** The job of an occurrence. */
export function newJob(where: string, id: string, { overlap }: Spec, job: Record<string, unknown>): NewJob {
  const { type, options } = job
  refuseOptions(where, options)
  if (overlap === 'allow') return normalizeEnqueue(where, type, options)
  const dedupeScope: EnqueueOptions['dedupeScope'] = overlap === 'skip' ? 'pending+active' : 'pending'
  return normalizeEnqueue(where, type, { ...(options as object | null), dedupeKey: PREFIX + id, dedupeScope })
}

function refuseOptions(where: string, options: unknown): void {
  if (options === undefined || options === null) return
  if (!isRecord(options)) {
    throw argumentError(TypeError, `${where}: options of the job must be an object; got ${show(options)}`)
  }
  for (const name of Object.keys(options)) {
    if (!isJobOption(name)) {
      const hint = hintFor(name, JOB_OPTIONS)
      throw argumentError(
        TypeError,
        `${where}: option ${quote(name)} cannot be used for the job of a schedule, which takes ${JOB_OPTIONS.join(', ')}${
          hint === null ? '' : `; ${hint}`
        }`,
      )
    }
  }
}

const ENTRY_FIELDS = ['id', 'spec', 'job']

/** The schedules of a list, each refused by its place. */
export function readWishes(where: string, list: unknown): Wish[] {
  if (!Array.isArray(list)) {
    throw argumentError(
      TypeError,
      `${where}: schedules must be an array of { id, spec, job }; got ${show(list)}`,
    )
  }
  const known = new Map<string, number>()
  // Holes are no schedules either.
  return Array.from(list, (entry: unknown, index) => {
    const place = `${where}: schedules[${index}]`
    if (!isRecord(entry)) {
      throw argumentError(TypeError, `${place} must be an object { id, spec, job }; got ${show(entry)}`)
    }
    for (const name of Object.keys(entry)) {
      if (!ENTRY_FIELDS.includes(name)) throw unknownName(place, 'field', name, ENTRY_FIELDS)
    }
    const wish = readWish(place, entry.id, entry.spec, entry.job)
    const first = known.get(wish.id)
    if (first !== undefined) {
      throw argumentError(RangeError, `${place}: id ${quote(wish.id)} is already used by schedules[${first}]`)
    }
    known.set(wish.id, index)
    return wish
  })
}

/** Occurrences of a schedule that may not exist yet. */
export function previewSchedule(spec: ScheduleSpec, options?: PreviewOptions): Date[] {
  const timing = timingOf(readSpec('previewSchedule', spec))
  const { after, count } = readOptions('previewSchedule', options, PREVIEW_RULES)
  const occurrences: Date[] = []
  let next = timing.next(after?.getTime() ?? Date.now())
  while (next !== null && occurrences.length < (count ?? 5)) {
    occurrences.push(new Date(next))
    next = timing.next(next)
  }
  return occurrences
}
