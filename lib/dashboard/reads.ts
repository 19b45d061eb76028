/** Routes that look. Each returns only the parts that the user may see. */
import { callOf } from './calls'
import { parsed } from './ejson'
import type { Rights } from './access'
import { sees, typesOf } from './access'
import { grouped } from './reasons'
import { refuse } from './reply'
import { list, listed, moment, number, pageOf, text } from './rows'
import type { Shelf } from './queues'
import type { ActionList, Failures, JobFilter, JobList, JobPage, JobRow } from './wire'

const MOST_LISTED = 200
const FAILURES_LOOKED_AT = 1000

export function assertSees(rights: Rights, type: string): void {
  if (!sees(rights, type)) refuse(403, 'denied', `you may not see jobs of the type ${JSON.stringify(type)}`)
}

/** The filter of a call of the queue, for jobs that the user may see. Empty texts are no conditions. */
export function filterOf(filter: JobFilter, rights: Rights): Record<string, unknown> {
  const { status, type, dedupeKey, path, value } = filter
  for (const part of [status, type, dedupeKey, path, value]) {
    if (part !== undefined && typeof part !== 'string')
      refuse(400, 'malformed', 'the values of a filter must be strings')
  }
  if (type) assertSees(rights, type)
  const types = type || typesOf(rights)
  return {
    status,
    ...(types !== undefined && { type: types }),
    ...(dedupeKey && { dedupeKey }),
    ...(path && { where: { [`data.${path.replace(/^data\./, '')}`]: valueOf(value ?? '') } }),
  }
}

/** The value of a text: text that reads as JSON is meant so; anything else is a string. */
function valueOf(value: string): unknown {
  try {
    JSON.parse(value)
  } catch {
    return value
  }
  return parsed(value)
}

export async function jobs(
  { queue }: Shelf,
  filter: JobFilter,
  rights: Rights,
  after: string | null,
  limit: number,
): Promise<JobList> {
  const asked = { ...filterOf(filter, rights), limit: Math.min(limit, MOST_LISTED), ...(after && { after }) }
  const found = (await callOf(queue, 'listJobs')(asked)) as Record<string, unknown>
  return {
    jobs: list(found.jobs).map(listed),
    next: text(found.next),
    looked: number(found.looked) ?? 0,
    status: found.status === 'stopped' ? 'stopped' : 'complete',
  }
}

export type Present = (job: never) => unknown

export async function job(
  { queue }: Shelf,
  id: string,
  rights: Rights,
  isWhole: boolean,
  present: Present | undefined,
): Promise<JobPage> {
  const found = await stored(queue, id, rights)
  return pageOf(found, presented(found, present), isWhole, await holderOf(queue, found))
}

/** The whole job, if there is one that the user may see: both are the same answer, so that ids can't be guessed. */
export async function stored(queue: object, id: string, rights: Rights): Promise<Record<string, unknown>> {
  const found = (await callOf(queue, 'getJob')(id)) as Record<string, unknown> | null
  if (found === null || !sees(rights, String(found.type))) refuse(404, 'not-found', 'there is no such job')
  return found as Record<string, unknown>
}

function presented(found: Record<string, unknown>, present: Present | undefined): unknown {
  if (present === undefined) return found.data
  try {
    return (present as (job: unknown) => unknown)(found)
  } catch (error) {
    return `(present failed: ${error instanceof Error ? error.message : String(error)})`
  }
}

/** The active job of the same key that keeps a due one from being claimed. */
async function holderOf(queue: object, found: Record<string, unknown>): Promise<string | null> {
  const { type, dedupeKey, status } = found
  if (status !== 'pending' || typeof dedupeKey !== 'string') return null
  const { jobs: active } = (await callOf(
    queue,
    'listJobs',
  )({ status: 'active', type, dedupeKey, limit: 1 })) as {
    jobs: { id: string }[]
  }
  return active[0]?.id ?? null
}

/** The newest failures, in groups of one reason. Jobs that were cancelled or came too late are no failures. */
export function failures(shelf: Shelf, type: string, rights: Rights): Promise<Failures> {
  const filter = filterOf({ status: 'failed', type }, rights)
  return shelf.failures.get(JSON.stringify(filter), async () => {
    const rows: JobRow[] = []
    let looked = 0
    let after: string | null = null
    do {
      const asked = { ...filter, limit: MOST_LISTED, ...(after && { after }) }
      const page = (await callOf(shelf.queue, 'listJobs')(asked)) as Record<string, unknown>
      const found = list(page.jobs)
      looked += found.length
      rows.push(...found.map(listed).filter(({ ending }) => ending !== 'cancelled' && ending !== 'expired'))
      after = text(page.next)
    } while (after !== null && looked < FAILURES_LOOKED_AT)
    return { at: Date.now(), looked, isWhole: after === null, groups: grouped(rows) }
  })
}

const ACTIONS_LISTED = 50

/** The acts of users, newest first. A record may name jobs of any type, so only users who see all types get it. */
export async function actions({ queue }: Shelf, before: string | null, rights: Rights): Promise<ActionList> {
  if (rights.types !== null)
    refuse(403, 'denied', 'the list of actions covers all types, and you may see only some of them')
  const asked = { limit: ACTIONS_LISTED, ...(before && { before }) }
  const found = list(await callOf(queue, 'listActions')(asked))
  const rows = found.map(({ id, at, by, action, target, note }) => ({
    ...{ id: String(id), at: moment(at), by: text(by), action: String(action) },
    ...{ target: text(target), note: text(note) },
  }))
  return { actions: rows, next: rows.length < ACTIONS_LISTED ? null : (rows.at(-1)?.id ?? null) }
}
