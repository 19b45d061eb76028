/**
 * One path answers all requests of the page; the query tells them apart. So each address in the page is relative to the page's own. It works
 * with and without a slash at its end, and behind proxies that keep the prefix or strip it.
 */
import type { DashboardOptions } from '../../dashboard'
import { decisionOf } from './access'
import type { Denial, Rights } from './access'
import { act } from './acts'
import type { ActParts } from './acts'
import { SCRIPT, STYLE } from './assets'
import { jsonOf } from './body'
import type { ReadText } from './body'
import { assertOwnRequest } from './forgery'
import { history, live, seenBy, soon } from './live'
import type { Shelf, Shelves } from './queues'
import { metrics } from './metrics'
import type { Place } from './place'
import { shelfOf } from './queues'
import * as reads from './reads'
import { Asset, Refused, json, refuse, reply, tagged } from './reply'
import type { Reply } from './reply'
import { shell } from './shell'
import type { JobFilter, Meta } from './wire'
import { VERSION } from '../base/version'

export interface Site extends ActParts {
  readonly shelves: Shelves
  readonly authorize: DashboardOptions['authorize']
  readonly title: string
  readonly badge: string | null
}

interface Asked {
  readonly request: Request
  readonly query: URLSearchParams
  readonly rights: Rights
  readonly site: Site
  readonly shelf: Shelf
}

const READS: Readonly<Record<string, (asked: Asked) => Promise<Reply> | Reply>> = {
  meta: ({ site, rights }) => json(metaOf(site, rights)),
  live: async ({ shelf, rights, request }) => {
    const text = JSON.stringify(seenBy(rights, await live(shelf)))
    return tagged(request, text, JSON_TYPE)
  },
  metrics: ({ request, shelf, rights }) => metrics(request, shelf, rights),
  history: async ({ shelf, query, rights }) => {
    const type = wanted(query, 'type')
    reads.assertSees(rights, type)
    return json(await history(shelf, type))
  },
  jobs: async ({ shelf, query, rights }) =>
    json(await reads.jobs(shelf, filterIn(query), rights, query.get('after'), numberIn(query, 'limit', 50))),
  job: async ({ shelf, query, rights, site: { present } }) =>
    json(await reads.job(shelf, wanted(query, 'id'), rights, query.get('whole') === '1', present)),
  actions: async ({ shelf, query, rights }) => json(await reads.actions(shelf, query.get('before'), rights)),
  failures: async ({ shelf, query, rights }) =>
    json(await reads.failures(shelf, query.get('type') ?? '', rights)),
}

const JSON_TYPE = 'application/json; charset=utf-8'

const ASSETS: ReadonlyMap<string, Asset> = new Map([
  ['script', new Asset(SCRIPT, 'text/javascript; charset=utf-8')],
  ['style', new Asset(STYLE, 'text/css; charset=utf-8')],
])

/** Answers every request; an error is an answer, too. */
export async function answer(site: Site, place: Place, request: Request, read: ReadText): Promise<Reply> {
  try {
    return await answered(site, place, request, read)
  } catch (error) {
    if (error instanceof Refused) return json(error.refusal, error.status)
    return failed(error)
  }
}

async function answered(site: Site, place: Place, request: Request, read: ReadText): Promise<Reply> {
  const { searchParams: query } = new URL(request.url)
  const decision = await decide(site, request)
  const route = query.get('api')
  if (!('rights' in decision)) return denied(decision, route !== null || place === 'metrics')
  const { rights } = decision
  if (place === 'metrics') return metrics(request, shelfOf(site.shelves, query.get('queue')), rights)
  if (request.method === 'POST') return acted(site, request, read, rights)
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return reply(405, '', 'text/plain', { allow: 'GET, HEAD, POST' })
  }
  const asset = query.get('asset')
  if (asset !== null)
    return ASSETS.get(asset)?.answer(request) ?? refuse(404, 'not-found', 'there is no such file')
  if (route === null) return page(site, rights)
  const answerTo = Object.hasOwn(READS, route) ? READS[route] : undefined
  if (answerTo === undefined) return refuse(404, 'not-found', `there is no ?api=${route}`)
  return answerTo({ request, query, rights, site, shelf: shelfOf(site.shelves, query.get('queue')) })
}

/** With the first answers that its script needs: so it is of use a round trip sooner. */
async function page(site: Site, rights: Rights): Promise<Reply> {
  const meta = metaOf(site, rights)
  const first = await soon(live(shelfOf(site.shelves, null)))
  const answers = { 'api=meta': meta, ...(first !== null && { 'api=live': seenBy(rights, first) }) }
  return reply(200, shell(site.title, JSON.stringify(answers)), 'text/html; charset=utf-8')
}

/** An `authorize` that fails allows nothing, and its error is for the app's own log. */
async function decide({ authorize }: Site, request: Request): Promise<ReturnType<typeof decisionOf>> {
  try {
    return decisionOf(await authorize(request))
  } catch (error) {
    process.emitWarning(`durabl/dashboard: authorize failed: ${String(error)}`)
    return refuse(500, 'authorize-failed', 'the access could not be decided')
  }
}

function denied({ redirect, authenticate }: Denial, isApi: boolean): Reply {
  const refusal = {
    error: 'denied',
    message: 'you may not see this page',
    ...(redirect !== null && { redirect }),
  }
  if (isApi) return json(refusal, 403)
  if (redirect !== null) return reply(302, '', 'text/plain', { location: redirect })
  if (authenticate !== null) {
    const headers = { 'www-authenticate': authenticate }
    return reply(401, 'You may not see this page.\n', 'text/plain; charset=utf-8', headers)
  }
  return reply(403, 'You may not see this page.\n', 'text/plain; charset=utf-8')
}

async function acted(site: Site, request: Request, read: ReadText, rights: Rights): Promise<Reply> {
  if (new URL(request.url).searchParams.get('api') !== 'act')
    refuse(404, 'not-found', 'actions go to ?api=act')
  assertOwnRequest(request)
  const body = await jsonOf(read)
  const { queue } = body
  if (queue !== undefined && typeof queue !== 'string') refuse(400, 'malformed', '"queue" must be a string')
  const shelf = shelfOf(site.shelves, typeof queue === 'string' ? queue : null)
  return json(await act(shelf, body, rights, site))
}

function metaOf({ shelves, title, badge, present }: Site, { user, actions, types }: Rights): Meta {
  return {
    ...{ title, badge, version: VERSION, queues: [...shelves.keys()], user: user ?? null },
    actions: [...actions],
    canEdit: present === undefined,
    seesActions: types === null,
  }
}

function wanted(query: URLSearchParams, name: string): string {
  const value = query.get(name)
  return value === null || value === '' ? refuse(400, 'malformed', `"${name}" is missing`) : value
}

function numberIn(query: URLSearchParams, name: string, fallback: number): number {
  const value = Number(query.get(name) ?? fallback)
  return Number.isInteger(value) && value > 0
    ? value
    : refuse(400, 'malformed', `"${name}" must be a whole number`)
}

function filterIn(query: URLSearchParams): JobFilter {
  const of = (name: string) => query.get(name) ?? ''
  return {
    status: wanted(query, 'status'),
    ...{ type: of('type'), dedupeKey: of('key'), path: of('path'), value: of('value') },
  }
}

/** Codes of the queue's errors that say more than "something is broken". */
const STATUS: Readonly<Record<string, number>> = {
  ERR_DURABL_INVALID_ARGUMENT: 400,
  ERR_DURABL_PAYLOAD_NOT_ENCODABLE: 400,
  ERR_DURABL_PAYLOAD_TOO_LARGE: 400,
  ERR_DURABL_UNSUPPORTED: 501,
  ERR_DURABL_PERMISSION_DENIED: 502,
  ERR_DURABL_CONNECTION: 503,
  ERR_DURABL_TIMEOUT: 503,
  ERR_DURABL_SERVER: 503,
  ERR_DURABL_SHUT_DOWN: 503,
}

function failed(error: unknown): Reply {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
  const status = Object.hasOwn(STATUS, code) ? STATUS[code] : undefined
  if (status === undefined) {
    process.emitWarning(
      `durabl/dashboard: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    )
    return json({ error: 'internal', message: 'something went wrong; see the log of the app' }, 500)
  }
  return json({ error: code, message: (error as Error).message }, status)
}
