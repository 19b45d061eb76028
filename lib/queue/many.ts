import { controlOf } from '../backend/control'
import { lookWith } from '../backend/query'
import type { IJobQueueBackend, JobStatus, ManyResult } from '../types'
import { normalizeJobsToChange } from '../validate'
import type { JobsToChange } from '../validate'

/** Jobs that are looked up and changed at once. */
const STEP = 500
/** Active jobs come as one page, as their renewals move them. */
const STEP_OF_ACTIVE = 2000
/** Calls to a backend that changes one job at a time. */
const CALLS_AT_ONCE = 16

/** A change of many jobs, and its parts. */
interface ManyChange {
  /** The call for one job. */
  readonly one: 'cancel' | 'retry' | 'promote' | 'remove'
  /** The words for a job that was changed. */
  readonly done: readonly string[]
  /** The statuses that it leads out of. */
  readonly statuses: readonly JobStatus[]
}

const ENDED: readonly JobStatus[] = ['completed', 'failed', 'superseded']

const CHANGES = {
  cancelMany: { one: 'cancel', done: ['cancelled', 'requested'], statuses: ['pending', 'active'] },
  retryMany: { one: 'retry', done: ['retried'], statuses: ENDED },
  promoteMany: { one: 'promote', done: ['promoted'], statuses: ['pending'] },
  removeMany: { one: 'remove', done: ['removed'], statuses: ['pending', ...ENDED] },
} satisfies Record<string, ManyChange>

/** Hears of each job that was changed, and its new status. */
export type Told = (id: string, status: string) => void

/** A page of the jobs that a call is about. */
interface Found {
  readonly ids: readonly string[]
  readonly next: string | null
  /** True if there are more jobs that no cursor leads to, or that this call does not look for. */
  readonly isCut: boolean
}

/**
 * Changes all jobs of a selection, step by step.
 *
 * @param told null if nothing hears of each change. Otherwise they are changed one by one
 */
export async function changeMany(
  backend: IJobQueueBackend,
  where: keyof typeof CHANGES,
  selection: unknown,
  options: unknown,
  told: Told | null,
): Promise<ManyResult> {
  const change: ManyChange = CHANGES[where]
  const many = normalizeJobsToChange(where, change.statuses, selection, options)
  // A job that has left the status by which it was found is not one of them any more.
  const from = many.filter === null ? undefined : many.filter.status
  const each = eachOf(backend, change, from, told)
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
  const step = filter!.status === 'active' ? STEP_OF_ACTIVE : STEP
  do {
    const page = await listJobs({ ...filter!, limit: Math.min(step, left), after: next ?? undefined })
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
type CancelTogether = NonNullable<IJobQueueBackend['cancelEach']>
type Together = (ids: readonly string[], from: JobStatus | undefined) => Promise<number>

/** A change of one job by a call for many, which looks at its status in the same write. */
function alone(together: Together, from: JobStatus | undefined, done: string) {
  return async (id: string) => ({ status: (await together([id], from)) === 1 ? done : 'skipped' })
}

/** A cancellation reports each job, even if it is one call for many. */
function cancelledBy(together: CancelTogether, from: JobStatus | undefined, told: Told | null): Each {
  return async (ids) => {
    let changed = 0
    for (const [index, status] of (await together(ids, from)).entries()) {
      if (status === 'skipped') continue
      changed += 1
      told?.(ids[index]!, status)
    }
    return changed
  }
}

function eachOf(
  backend: IJobQueueBackend,
  { one, done }: ManyChange,
  from: JobStatus | undefined,
  told: Told | null,
): Each {
  const each: unknown = Reflect.get(backend, `${one}Each`)
  const together = typeof each === 'function' ? (each.bind(backend) as Together) : null
  if (one === 'cancel' && typeof each === 'function')
    return cancelledBy(each.bind(backend) as CancelTogether, from, told)
  if (told === null && together !== null) return (ids) => together(ids, from)
  const changeOne = together === null ? controlOf(backend, one) : alone(together, from, done[0]!)
  return async (ids) => {
    let changed = 0
    const left = [...ids]
    const work = async () => {
      for (let id = left.shift(); id !== undefined; id = left.shift()) {
        const { status } = await changeOne(id)
        if (!done.includes(status)) continue
        changed += 1
        told?.(id, status)
      }
    }
    await Promise.all(Array.from({ length: CALLS_AT_ONCE }, work))
    return changed
  }
}
