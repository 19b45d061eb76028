/** A dashboard behind a server, and a page in a browser that looks at it. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createDashboard } from 'durabl/dashboard'
import { atEnd } from '../../support/cleanup.mjs'

/**
 * Serves a dashboard.
 *
 * @param options those of `createDashboard`; `handler(dashboard)` makes another listener than `dashboard.node`
 * @returns its `url`, and `down()` and `up()`, which take the server away and bring it back
 */
export async function serve(t, { handler = ({ node }) => node, ...options }) {
  const dashboard = createDashboard({ authorize: () => ({ status: 'full', user: 'ada' }), ...options })
  const listener = handler(dashboard)
  let server
  let port = 0
  let requests = 0
  const up = async () => {
    server = createServer((request, response) => {
      requests += 1
      listener(request, response)
    })
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    port = server.address().port
  }
  const down = async () => {
    server.close()
    server.closeAllConnections()
    await once(server, 'close').catch(() => {})
  }
  await up()
  atEnd(t, down)
  return { url: `http://127.0.0.1:${port}`, up, down, requests: () => requests }
}

/** A page, and all that goes wrong in it: errors, violations of the policy, dialogs that a script opened. */
export async function open(t, context, url, { width = 1440, theme = 'light' } = {}) {
  const page = await context.newPage()
  atEnd(t, () => page.close())
  const troubles = []
  page.on('pageerror', (error) => troubles.push(`error: ${error.message}`))
  page.on('console', (message) => {
    if (message.type() === 'error') troubles.push(`console: ${message.text()}`)
  })
  page.on('dialog', (dialog) => {
    troubles.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  await page.setViewportSize({ width, height: 900 })
  await page.emulateMedia({ colorScheme: theme })
  await page.goto(url)
  return { page, troubles }
}
