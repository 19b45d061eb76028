/** The entry `durabl/dashboard`; documented in the public types. */
import type { Dashboard, DashboardOptions } from '../../dashboard'
import { isolated, isolatedListener } from '../base/app-code'
import { bodyOfRequest } from './body'
import { exchangeOf, send } from './node'
import { normalizeOptions } from './options'
import { Shelf } from './queues'
import { json } from './reply'
import { placeOf } from './place'
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
  return {
    async fetch(request) {
      const place = placeOf(new URL(request.url).pathname, basePath)
      if (place === null) return new Response('Not found.\n', { status: 404 })
      const { status, headers, body } = await answer(site, place, request, bodyOfRequest(request))
      const hasBody = request.method !== 'HEAD' && status !== 304
      return new Response(hasBody ? body : null, { status, headers })
    },
    node(incoming, outgoing, next) {
      const { request, path, read, response } = exchangeOf(incoming, outgoing)
      // A mounted handler sees the path below its own.
      const isMounted = basePath === null && next !== undefined
      const place = isMounted ? placeOf(path, '') : placeOf(new URL(request.url).pathname, basePath)
      if (place === null && next !== undefined) return next()
      if (place === null)
        return send(response, json({ error: 'not-found', message: 'not found' }, 404), false)
      void answer(site, place, request, read).then((reply) =>
        send(response, reply, request.method === 'HEAD'),
      )
    },
  }
}
