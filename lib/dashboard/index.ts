/** The entry `durabl/dashboard`; documented in the public types. */
import type { Dashboard, DashboardOptions } from '../../dashboard'
import { isolated, isolatedListener } from '../base/app-code'
import { bodyOfRequest } from './body'
import { exchangeOf, send } from './node'
import { normalizeOptions } from './options'
import { Shelf } from './queues'
import { json } from './reply'
import { answer } from './router'
import type { Site } from './router'

export function createDashboard(options: DashboardOptions): Dashboard {
  const { queues, authorize, present, onAction, basePath, title, badge } = normalizeOptions(options)
  const site: Site = {
    shelves: new Map(queues.map(([name, queue]) => [name, new Shelf(name, queue)])),
    authorize: isolated(authorize),
    present: present && isolated(present),
    onAction: onAction === undefined ? () => {} : isolatedListener(onAction, () => {}),
    title,
    badge,
  }
  const isOurs = (path: string) => basePath === null || path === basePath || path === `${basePath}/`
  return {
    async fetch(request) {
      if (!isOurs(new URL(request.url).pathname)) return new Response('Not found.\n', { status: 404 })
      const { status, headers, body } = await answer(site, request, bodyOfRequest(request))
      const hasBody = request.method !== 'HEAD' && status !== 304
      return new Response(hasBody ? body : null, { status, headers })
    },
    node(incoming, outgoing, next) {
      const { request, path, read, response } = exchangeOf(incoming, outgoing)
      // A mounted handler sees the path below its own.
      const isPage =
        basePath === null ? next === undefined || isRoot(path) : isOurs(new URL(request.url).pathname)
      if (!isPage && next !== undefined) return next()
      if (!isPage) return send(response, json({ error: 'not-found', message: 'not found' }, 404), false)
      void answer(site, request, read).then((reply) => send(response, reply, request.method === 'HEAD'))
    },
  }
}

const isRoot = (path: string) => path === '' || path === '/'
