/** The live numbers of the pages: one look at everything, shared by all requests within a moment. */
import type { Rights } from './access'
import { sees } from './access'
import { callOf, ifSupported } from './calls'
import { hourOf, dayOf } from './history'
import type { Hour } from './history'
import type { Shelf } from './queues'
import { list, moment, number, text, typeOfSchedule } from './rows'
import type { Count, History, Live, ScheduleRow, TypeRow, WorkerRow } from './wire'
import { warningsOf } from './warnings'
import { isRecord } from '../validate/rules'
import { previewSchedule } from '../schedule/spec'
import type { ScheduleTimes } from '../types'
import { settlesWithin } from '../base/timers'

type Fields = Readonly<Record<string, unknown>>

export const live = (shelf: Shelf): Promise<Live> => shelf.live.get('', () => look(shelf.queue))

/** The page is not kept waiting for its numbers: it asks for them again by itself. */
const SOON_MS = 250

/** Null for an answer that takes long, or fails. */
export async function soon<T>(asked: Promise<T>): Promise<T | null> {
  if (!(await settlesWithin(asked, SOON_MS))) return null
  return asked.catch(() => null)
}

export const history = (shelf: Shelf, type: string): Promise<History> =>
  shelf.history.get(type, () => dayOf(shelf.queue, type))

async function look(queue: object): Promise<Live> {
  const [counts, workers, schedules, hours] = await Promise.all([
    ifSupported<Fields | null>(callOf(queue, 'counts')() as Promise<Fields>, null),
    ifSupported(callOf(queue, 'listWorkers')(), []),
    ifSupported(callOf(queue, 'listSchedules')(), []),
    hourOf(queue),
  ])
  const seen = {
    at: Date.now(),
    countsAt: counts && moment(counts.at),
    completedTotal: counts && totalOf(counts.completedTotal),
    workers: list(workers).map(workerOf),
    schedules: list(schedules).map(scheduleOf),
  }
  const types = typesOf(list(counts?.types), seen.workers, hours)
  return { ...seen, types, warnings: warningsOf({ ...seen, types }, counts !== null) }
}

function totalOf(total: unknown): number | null {
  return isRecord(total) ? number(total.count) : number(total)
}

/** Types that have jobs, and types that only a worker or the last hour knows. */
function typesOf(
  counted: readonly Fields[],
  workers: readonly WorkerRow[],
  hours: ReadonlyMap<string, Hour>,
): TypeRow[] {
  const rows = new Map<string, Fields>(counted.map((one) => [String(one.type), one]))
  const others = [...workers.flatMap(({ types }) => types.map(({ type }) => type)), ...hours.keys()]
  for (const type of others) if (!rows.has(type)) rows.set(type, {})
  return [...rows]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([type, fields]) => {
      const ofType = workers.flatMap((worker) => worker.types.filter((one) => one.type === type))
      return {
        type,
        ...countsOf(fields),
        ...{ workers: ofType.length, slots: ofType.reduce((sum, { concurrency }) => sum + concurrency, 0) },
        ...(hours.get(type) ?? NO_HOUR),
      }
    })
}

const NO_HOUR: Hour = {
  completed: Array.from({ length: 60 }, () => 0),
  failures: Array.from({ length: 60 }, () => 0),
  ...{ p95RunMs: null, p95WaitMs: null },
  waits: [null, null, null, null, null, null],
}

function countsOf(fields: Fields) {
  const { pending, due, blocked, active, failed } = fields
  return {
    pending: countOf(pending),
    due: countOf(due),
    blocked: countOf(blocked),
    active: countOf(active),
    failed: countOf(failed),
    oldestDueAt: moment(fields.oldestDueAt),
    isPaused: fields.state === 'paused',
  }
}

function countOf(value: unknown): Count {
  if (!isRecord(value)) return { count: number(value) ?? 0, precision: 'exact' }
  const precision =
    value.precision === 'at-least' || value.precision === 'estimate' ? value.precision : 'exact'
  return { count: number(value.count) ?? 0, precision }
}

function workerOf(worker: Fields): WorkerRow {
  const versions = isRecord(worker.versions) ? Object.entries(worker.versions) : []
  return {
    id: String(worker.id),
    host: text(worker.host) ?? '',
    pid: number(worker.pid),
    versions: Object.fromEntries(
      versions.filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
    ),
    types: list(worker.types).map(({ type, concurrency, active }) => ({
      type: String(type),
      concurrency: number(concurrency) ?? 0,
      active: number(active) ?? 0,
    })),
    startedAt: moment(worker.startedAt),
    seenAt: moment(worker.seenAt),
  }
}

const NEXT_SHOWN = 5

function scheduleOf(schedule: Fields): ScheduleRow {
  const spec: Fields = isRecord(schedule.spec) ? schedule.spec : {}
  const status = schedule.status === 'paused' || schedule.status === 'ended' ? schedule.status : 'running'
  const skipped = (Array.isArray(schedule.skipped) ? schedule.skipped : []).map(moment)
  return {
    ...{ id: String(schedule.id), type: typeOfSchedule(schedule), status, owner: text(schedule.owner) },
    ...{ cron: text(spec.cron), everyMs: number(spec.everyMs), timezone: text(spec.timezone) ?? 'UTC' },
    ...{ nextAt: moment(schedule.nextAt), lastAt: moment(schedule.lastAt) },
    ...{ overlap: text(spec.overlap) ?? 'skip', missed: text(spec.missed) ?? 'once' },
    skipped: skipped.filter((at) => at !== null),
    next: status === 'running' ? nextOf(spec) : [],
  }
}

function nextOf(spec: Fields): number[] {
  const { cron, everyMs, timezone, startAt, endAt } = spec as ScheduleTimes
  try {
    return previewSchedule({ cron, everyMs, timezone, startAt, endAt }, { count: NEXT_SHOWN }).map((at) =>
      at.getTime(),
    )
  } catch {
    // Written by a newer version, which knows more patterns.
    return []
  }
}

/** The part of it that a user may see. */
export function seenBy(rights: Rights, whole: Live): Live {
  if (rights.types === null) return whole
  const isSeen = ({ type }: { readonly type: string }) => sees(rights, type)
  return {
    ...whole,
    completedTotal: null,
    types: whole.types.filter(isSeen),
    schedules: whole.schedules.filter(isSeen),
    workers: whole.workers
      .map((worker) => ({ ...worker, types: worker.types.filter(isSeen) }))
      .filter(({ types }) => types.length > 0),
    warnings: whole.warnings.filter(({ type }) => type === null || sees(rights, type)),
  }
}
