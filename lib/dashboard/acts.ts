/** Routes that act. Each checks the right to the action, and to the type of each job that it touches. */
import type { ActionEvent, Action } from '../../dashboard'
import { ACTIONS, sees } from './access'
import type { Rights } from './access'
import { callOf } from './calls'
import { parsed } from './ejson'
import { unmasked } from './mask'
import type { Shelf } from './queues'
import { assertSees, filterOf, stored } from './reads'
import type { Present } from './reads'
import { refuse } from './reply'
import { list, text, typeOfSchedule } from './rows'
import type { ActReply, ActRequest, JobFilter } from './wire'
import { isRecord } from '../validate/rules'

/** In one request; the page sends as many as it needs. */
const MOST_IDS = 500
const MOST_BY_FILTER = 1000

export interface ActParts {
  readonly present: Present | undefined
  readonly onAction: (event: ActionEvent) => void
}

const ON_JOBS = { retry: 'retry', cancel: 'cancel', promote: 'promote', remove: 'remove' } as const
const ON_SCHEDULES = {
  'trigger-schedule': 'triggerSchedule',
  'pause-schedule': 'pauseSchedule',
  'resume-schedule': 'resumeSchedule',
  'skip-occurrence': 'skipSchedule',
  unschedule: 'unschedule',
} as const

/** The call to make, and a name of its target for the record. */
interface Plan {
  readonly target: unknown
  readonly run: () => Promise<unknown>
}

export async function act(
  shelf: Shelf,
  body: Record<string, unknown>,
  rights: Rights,
  parts: ActParts,
): Promise<ActReply> {
  const request = body as unknown as ActRequest
  const action = actionOf(request.action, rights)
  const { target, run } = await planOf(shelf, action, request, rights, parts)
  const result = (await run()) as ActReply
  if (request.mode !== 'preview') await record(shelf, { action, target, result }, rights, parts)
  return result
}

function actionOf(named: unknown, rights: Rights): Action {
  const action = ACTIONS.find((known) => known === named)
  if (action === undefined) {
    return refuse(
      400,
      'malformed',
      `there is no action ${JSON.stringify(named)}; there are ${ACTIONS.join(', ')}`,
    )
  }
  if (!rights.actions.has(action)) refuse(403, 'denied', `you may not ${action}`)
  return action
}

async function planOf(
  shelf: Shelf,
  action: Action,
  request: ActRequest,
  rights: Rights,
  parts: ActParts,
): Promise<Plan> {
  const { queue } = shelf
  if (action === 'pause' || action === 'resume') return onType(queue, action, request, rights)
  if (action in ON_SCHEDULES) return onSchedule(queue, action as keyof typeof ON_SCHEDULES, request, rights)
  if (action === 'reschedule') return onTime(queue, request, rights)
  const verb = ON_JOBS[action as keyof typeof ON_JOBS]
  if (request.id !== undefined) return onJob(queue, verb, request, rights, parts)
  if (request.ids !== undefined) return onIds(queue, verb, request, rights)
  return onFilter(queue, verb, request, rights)
}

function named(value: unknown, what: string): string {
  return typeof value === 'string' && value !== ''
    ? value
    : refuse(400, 'malformed', `"${what}" must be a string`)
}

function onType(queue: object, action: 'pause' | 'resume', request: ActRequest, rights: Rights): Plan {
  const type = named(request.type, 'type')
  assertSees(rights, type)
  const reason = request.reason === undefined ? undefined : named(request.reason, 'reason')
  const args = action === 'pause' ? [type, { ...(reason && { reason }) }] : [type]
  return { target: { type }, run: () => callOf(queue, action)(...args) }
}

async function onSchedule(
  queue: object,
  action: keyof typeof ON_SCHEDULES,
  request: ActRequest,
  rights: Rights,
): Promise<Plan> {
  const id = named(request.id, 'id')
  if (rights.types !== null) {
    const all = list(await callOf(queue, 'listSchedules')())
    const schedule = all.find((one) => one.id === id)
    if (schedule === undefined || !sees(rights, typeOfSchedule(schedule))) {
      refuse(404, 'not-found', 'there is no such schedule')
    }
  }
  const args = action === 'skip-occurrence' ? [id, momentIn(request)] : [id]
  return { target: { schedule: id }, run: () => callOf(queue, ON_SCHEDULES[action])(...args) }
}

function momentIn({ at }: ActRequest): Date {
  const moment = new Date(typeof at === 'number' ? at : Number.NaN)
  return Number.isNaN(moment.getTime()) ? refuse(400, 'malformed', '"at" must be a moment') : moment
}

/** Reschedules a job that waits: its time or its priority. */
async function onTime(queue: object, request: ActRequest, rights: Rights): Promise<Plan> {
  const id = named(request.id, 'id')
  if (rights.types !== null) await stored(queue, id, rights)
  const { at, priority } = request
  const options = {
    ...(at !== undefined && { runAt: momentIn(request) }),
    ...(priority !== undefined && { priority }),
  }
  return { target: { id }, run: () => callOf(queue, 'reschedule')(id, options) }
}

async function onJob(
  queue: object,
  verb: keyof typeof ON_JOBS,
  request: ActRequest,
  rights: Rights,
  { present }: ActParts,
): Promise<Plan> {
  const id = named(request.id, 'id')
  const found = rights.types === null && request.data === undefined ? null : await stored(queue, id, rights)
  const options: Record<string, unknown> = {}
  if (verb === 'cancel' && request.reason !== undefined) options.reason = named(request.reason, 'reason')
  if (verb === 'retry' && request.delay !== undefined) options.delay = request.delay
  if (verb === 'retry' && request.data !== undefined) {
    if (present !== undefined)
      refuse(400, 'malformed', 'a payload that `present` shows cannot be edited here')
    options.data = unmasked(parsed(named(request.data, 'data')), found?.data)
  }
  const takesOptions = verb === 'cancel' || verb === 'retry'
  return { target: { id }, run: () => callOf(queue, verb)(...(takesOptions ? [id, options] : [id])) }
}

async function onIds(queue: object, verb: string, request: ActRequest, rights: Rights): Promise<Plan> {
  const given: unknown = request.ids
  if (!Array.isArray(given) || given.length === 0 || given.length > MOST_IDS) {
    refuse(400, 'malformed', `"ids" must be a list of 1 to ${MOST_IDS} ids`)
  }
  const ids = (given as unknown[]).map((id) => named(id, 'ids'))
  const status = verb === 'remove' ? text(request.filter?.status) : null
  const seen = rights.types === null && status === null ? ids : await stillSo(queue, ids, rights, status)
  const run = async () =>
    seen.length === 0 ? NONE : callOf(queue, `${verb}Many`)({ ids: seen }, modeOf(request))
  return { target: { ids: seen }, run }
}

const NONE = { status: 'done', matched: 0, changed: 0, skipped: 0, next: null }

/**
 * Ids of jobs that the user may see, and that have the status in which they were chosen. A job that was retried meanwhile is removed only by a
 * user who has seen that.
 */
async function stillSo(
  queue: object,
  ids: readonly string[],
  rights: Rights,
  status: string | null,
): Promise<string[]> {
  const found = await Promise.all(ids.map((id) => callOf(queue, 'getJob')(id)))
  return ids.filter((_, index) => {
    const job = found[index]
    return isRecord(job) && sees(rights, String(job.type)) && (status === null || job.status === status)
  })
}

function onFilter(queue: object, verb: string, request: ActRequest, rights: Rights): Plan {
  if (!isRecord(request.filter)) refuse(400, 'malformed', '"id", "ids" or "filter" is missing')
  const filter = filterOf(request.filter as JobFilter, rights)
  return {
    target: filter,
    run: () => callOf(queue, `${verb}Many`)(filter, manyOptions(request)),
  }
}

const modeOf = ({ mode }: ActRequest) => ({ mode: mode === 'preview' ? 'preview' : 'run' })

function manyOptions(request: ActRequest): Record<string, unknown> {
  const after = request.after ? { after: named(request.after, 'after') } : {}
  return { limit: MOST_BY_FILTER, ...modeOf(request), ...after }
}

/** Both the app and the queue's own record learn of the act. It is done by then, so neither may fail the request. */
async function record(
  shelf: Shelf,
  { action, target, result }: Pick<ActionEvent, 'action' | 'target' | 'result'>,
  { user }: Rights,
  { onAction }: ActParts,
): Promise<void> {
  shelf.clear()
  onAction({ action, queue: shelf.name, target, user, result })
  const entry = {
    action,
    target: nameOf(target),
    note: noteOf(result),
    ...(user !== undefined && { by: user }),
  }
  await callOf(shelf.queue, 'recordAction')(entry).catch(() => {})
}

/** Names in the record are as short as types may be. */
const NAMED = 4000

/** The id, if it is one thing; else all of it. */
function nameOf(target: unknown): string {
  const { id, type, schedule, ...rest } = target as Readonly<Record<string, unknown>>
  const alone = Object.keys(rest).length === 0 ? [id, type, schedule].filter((one) => one !== undefined) : []
  return (typeof alone[0] === 'string' && alone.length === 1 ? alone[0] : JSON.stringify(target)).slice(
    0,
    NAMED,
  )
}

const noteOf = (result: unknown): string => JSON.stringify(result).slice(0, NAMED)
