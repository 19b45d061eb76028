/** Looks at the jobs of the model: details, pages of lists, ends. */
import { createHash, randomUUID } from 'node:crypto'
import { endingOf } from '../backend/ending'
import { argumentError } from '../base/errors'
import type { JobDetail, JobEnd, JobPage, JobSummary, RecordedJob } from '../types'
import type { JobSelection, ListSettings } from '../validate'
import { matches } from './matches'
import { record } from './stored-job'
import type { StoredJob } from './stored-job'

/** Jobs that one search by payload looks at. */
const MOST_LOOKED = 20_000

/** The place of a time that is not there: before all others. Finite, so that a cursor can hold it. */
const NEVER = Number.MIN_SAFE_INTEGER

/** A cursor: opaque to all others. */
interface Cursor {
  /** The query and the backend that it belongs to. */
  readonly query: string
  /** The place of the last job, in the order of the list. */
  readonly at: readonly number[]
  /** The jobs at that place that were listed. */
  readonly shown: readonly string[]
}

/** Looks at one backend's jobs. */
export class Looking {
  /** Cursors of another backend are refused. */
  private readonly name = randomUUID()

  constructor(private readonly jobs: () => Iterable<StoredJob>) {}

  list(where: string, settings: ListSettings): JobPage {
    const { status, limit } = settings
    const query = this.queryOf(settings)
    const from = settings.after === null ? null : read(where, settings.after, query)
    const listed = this.behind(settings, from)
    const found: StoredJob[] = []
    let looked = 0
    const isSearch = settings.conditions.length > 0
    for (const stored of listed) {
      if (found.length === limit || (isSearch && looked === MOST_LOOKED)) break
      looked += 1
      if (matches(stored.job, settings.conditions)) found.push(stored)
    }
    const isFull = found.length === limit
    const isStopped = !isFull && looked < listed.length
    const hasMore = isFull || isStopped
    const last = isFull ? found.at(-1) : listed[looked - 1]
    // Renewals move active jobs: no place between two of them lasts.
    const isActive = status === 'active'
    return {
      jobs: found.map((stored) => summaryOf(stored)),
      next:
        hasMore && last !== undefined && !isActive ? this.cursor(query, from, last, listed, looked) : null,
      looked,
      status: isStopped || (isActive && looked < listed.length) ? 'stopped' : 'complete',
    }
  }

  /** The jobs of a selection from a cursor on, in the order of the list. */
  private behind({ status, types, dedupeKey }: JobSelection, from: Cursor | null): StoredJob[] {
    const shown = new Set(from?.shown)
    return [...this.jobs()]
      .filter(({ job }) => job.status === status)
      .filter(({ job }) => types.length === 0 || types.includes(job.type))
      .filter(({ job }) => dedupeKey === null || job.dedupeKey === dedupeKey)
      .sort((one, other) => compare(placeOf(one.job), placeOf(other.job)))
      .filter(({ job }) => {
        if (from === null) return true
        const order = compare(placeOf(job), from.at)
        return order > 0 || (order === 0 && !shown.has(job.id))
      })
  }

  private cursor(
    query: string,
    from: Cursor | null,
    last: StoredJob,
    listed: readonly StoredJob[],
    looked: number,
  ): string {
    const at = placeOf(last.job)
    const before = from !== null && compare(from.at, at) === 0 ? from.shown : []
    const own = listed.slice(0, looked).filter(({ job }) => compare(placeOf(job), at) === 0)
    const cursor: Cursor = { query, at, shown: [...before, ...own.map(({ job }) => job.id)] }
    return Buffer.from(JSON.stringify(cursor)).toString('base64url')
  }

  private queryOf({ status, types, dedupeKey, conditions }: JobSelection): string {
    const values = conditions.map(({ field, value }) => [field, typeof value, String(value)])
    const query = [this.name, status, [...types].sort(), dedupeKey, values]
    return createHash('sha256').update(JSON.stringify(query)).digest('base64url')
  }
}

function read(where: string, after: string, query: string): Cursor {
  try {
    const cursor = JSON.parse(Buffer.from(after, 'base64url').toString()) as Cursor
    if (cursor.query === query) return cursor
  } catch {
    // No cursor at all; below.
  }
  throw argumentError(
    TypeError,
    `${where}: option "after" is not a cursor of this query; pass the "next" of a page of the same query, on the same backend`,
  )
}

/** Pending jobs come in the order of their claims, active ones in that of their claim times, ended ones newest first. */
function placeOf(job: RecordedJob): readonly number[] {
  switch (job.status) {
    case 'pending':
      return [job.priority, job.runAt.getTime()]
    case 'active':
      return [job.claimedAt?.getTime() ?? NEVER]
    case 'completed':
      return [-(job.completedAt?.getTime() ?? NEVER)]
    case 'failed':
    case 'superseded':
      return [-(job.failedAt?.getTime() ?? NEVER)]
  }
}

function compare(one: readonly number[], other: readonly number[]): number {
  for (const [index, value] of one.entries()) {
    const difference = value - (other[index] ?? 0)
    if (difference !== 0 && !Number.isNaN(difference)) return difference
  }
  return 0
}

export function summaryOf(stored: StoredJob): JobSummary {
  const summary: JobSummary & { data?: unknown; logs?: unknown } = record(stored)
  delete summary.data
  delete summary.logs
  const ending = endingOfStored(stored)
  if (ending !== undefined) summary.ending = ending
  return summary
}

export function detailOf<T>(stored: StoredJob): JobDetail<T> {
  const { data, logs } = record<T>(stored)
  const detail: JobDetail<T> = {
    ...summaryOf(stored),
    data,
    logs,
    errors: stored.job.errors?.map((error) => ({ ...error })) ?? [],
  }
  const { progress, result, timeoutMs } = stored.job
  if (progress !== undefined) detail.progress = progress
  if (result !== undefined) detail.result = result
  if (timeoutMs !== undefined) detail.timeoutMs = timeoutMs
  if (stored.job.cancelReason !== undefined) detail.cancelReason = stored.job.cancelReason
  return detail
}

export function endOf(stored: StoredJob): JobEnd {
  const { id, status, failReason, result } = stored.job
  const end: JobEnd = { id, status }
  if (result !== undefined) end.result = result
  const ending = endingOfStored(stored)
  if (ending !== undefined) end.ending = ending
  if (failReason !== undefined) end.failReason = failReason
  return end
}

function endingOfStored({ job }: StoredJob) {
  const { status, ending, attempt, maxAttempts } = job
  return endingOf(status, ending, attempt, maxAttempts)
}
