import { controlOf } from '../backend/control'
import { lookWith } from '../backend/query'
import type { IJobQueueBackend, JobControl, JobStatus, ManyResult } from '../types'
import { normalizeJobsToChange } from '../validate'
import type { JobsToChange } from '../validate'

/** Jobs that are looked up and changed at once. */
const STEP = 500
/** Calls to a backend that changes one job at a time. */
const CALLS_AT_ONCE = 16

/** A change of many jobs, and what it is made of. */
interface ManyChange {
  /** The call for one job. */
  readonly one: 'retry' | 'promote' | 'remove'
  /** The word for one that was changed. */
  readonly done: string
  /** The statuses that it leads out of. */
  readonly statuses: readonly JobStatus[]
}

const ENDED: readonly JobStatus[] = ['completed', 'failed', 'superseded']

const CHANGES = {
  retryMany: { one: 'retry', done: 'retried', statuses: ENDED },
  promoteMany: { one: 'promote', done: 'promoted', statuses: ['pending'] },
  removeMany: { one: 'remove', done: 'removed', statuses: ['pending', ...ENDED] },
} satisfies Record<string, ManyChange>

/** A page of what a call is about. */
interface Found {
  readonly ids: readonly string[]
  readonly next: string | null
  /** There are more of them that no cursor leads to, or that this call does not look for. */
  readonly isCut: boolean
}

/**
 * Changes all jobs of a selection, step by step.
 *
 * @param told hears of each job that was changed; null if nothing does. Then they are changed one by one
 */
export async function changeMany(
  backend: IJobQueueBackend,
  where: keyof typeof CHANGES,
  selection: unknown,
  options: unknown,
  told: ((id: string) => void) | null,
): Promise<ManyResult> {
  const change: ManyChange = CHANGES[where]
  const many = normalizeJobsToChange(where, change.statuses, selection, options)
  const each = eachOf(backend, change, told)
  let [matched, changed, isCut] = [0, 0, false]
  let next: string | null = null
  for await (const found of pagesOf(backend, where, many, change.statuses)) {
    if (!many.isPreview && found.ids.length > 0) changed += await each(found.ids)
    matched += found.ids.length
    next = found.next
    isCut = found.isCut
  }
  const status = next !== null || isCut ? 'more' : 'done'
  return { status, matched, changed, skipped: matched - changed, next }
}

async function* pagesOf(
  backend: IJobQueueBackend,
  where: string,
  { ids, filter, limit, after }: JobsToChange,
  statuses: readonly JobStatus[],
): AsyncGenerator<Found> {
  if (ids !== null) {
    yield* pagesOfIds(backend, where, ids, statuses)
    return
  }
  const listJobs = lookWith(backend, 'listJobs', where)
  let next = after
  let left = limit
  do {
    const page = await listJobs({ ...filter!, limit: Math.min(STEP, left), after: next ?? undefined })
    const isStopped = page.status === 'stopped'
    yield { ids: page.jobs.map(({ id }) => id), next: page.next, isCut: isStopped }
    left -= page.jobs.length
    next = page.next
    // A search that has looked at as much as it may has to be asked to go on.
    if (isStopped) return
  } while (next !== null && left > 0)
}

async function* pagesOfIds(
  backend: IJobQueueBackend,
  where: string,
  ids: readonly string[],
  statuses: readonly JobStatus[],
): AsyncGenerator<Found> {
  const ends = lookWith(backend, 'ends', where)
  for (let start = 0; start < ids.length; start += STEP) {
    const stored = await ends(ids.slice(start, start + STEP))
    const fitting = stored.filter(({ status }) => statuses.includes(status))
    yield { ids: fitting.map(({ id }) => id), next: null, isCut: false }
  }
}

type Each = (ids: readonly string[]) => Promise<number>

function eachOf(
  backend: IJobQueueBackend,
  { one, done }: ManyChange,
  told: ((id: string) => void) | null,
): Each {
  const each: unknown = Reflect.get(backend, `${one}Each`)
  if (told === null && typeof each === 'function') return each.bind(backend) as Each
  const changeOne: JobControl[typeof one] = controlOf(backend, one)
  return async (ids) => {
    let changed = 0
    const left = [...ids]
    const work = async () => {
      for (let id = left.shift(); id !== undefined; id = left.shift()) {
        if ((await changeOne(id)).status !== done) continue
        changed += 1
        told?.(id)
      }
    }
    await Promise.all(Array.from({ length: CALLS_AT_ONCE }, work))
    return changed
  }
}
