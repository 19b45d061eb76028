/** Requests to a dashboard, as its page and as others make them. */
import { createDashboard } from 'durabl/dashboard'

const ORIGIN = 'https://admin.example.com'

/** Headers with which the page itself asks for an action. */
export const OWN = {
  'content-type': 'application/json',
  'x-durabl': '1',
  host: 'admin.example.com',
  origin: ORIGIN,
  'sec-fetch-site': 'same-origin',
}

/**
 * A dashboard without a server.
 *
 * @returns `get(query, headers)` and `act(body, headers)`, which resolve to a `Response`
 */
export function dashboardOf(queue, options = {}) {
  const dashboard = createDashboard({ queue, authorize: () => ({ status: 'full' }), ...options })
  const request = (query, init) => dashboard.fetch(new Request(`${ORIGIN}/jobs?${query}`, init))
  return {
    dashboard,
    request,
    get: (query, headers = {}) => request(query, { headers }),
    act: (body, headers = OWN) =>
      request('api=act', {
        method: 'POST',
        headers,
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
  }
}
