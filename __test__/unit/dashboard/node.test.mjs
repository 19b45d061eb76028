/** The handler for Node.js, as the frameworks call it. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { createDashboard } from 'durabl/dashboard'
import { atEnd } from '../../support/cleanup.mjs'
import { madeUpQueue } from '../../support/made-up-queue.mjs'

/** Serves by a listener that is given the dashboard; resolves to the address. */
async function serve(t, listenerOf, options = {}) {
  const queue = madeUpQueue()
  const server = createServer(
    listenerOf(createDashboard({ queue, authorize: () => ({ status: 'full' }), ...options })),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  atEnd(t, () => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${server.address().port}`, queue }
}

const retryAll = { action: 'retry', filter: { status: 'failed' } }

const post = (url, body = retryAll) =>
  fetch(`${url}?api=act`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-durabl': '1' },
    body: JSON.stringify(body),
  })

async function text(request) {
  let whole = ''
  for await (const chunk of request) whole += chunk
  return whole
}

test('mounted below a path, as by Express, it answers for that path and leaves others to the app', async (t) => {
  const { url } = await serve(t, ({ node }) => (request, response) => {
    request.originalUrl = request.url
    request.url = request.url.replace(/^\/admin/, '') || '/'
    node(request, response, () => response.writeHead(404).end('of the app'))
  })
  for (const path of ['/admin', '/admin/', '/admin?api=live']) {
    assert.equal((await fetch(url + path)).status, 200, path)
  }
  assert.equal(await (await fetch(`${url}/admin/other`)).text(), 'of the app')
  assert.equal((await (await post(`${url}/admin`)).json()).changed, 240)
})

test('a body that a parser has read before is taken as it was parsed', async (t) => {
  const { url } = await serve(t, ({ node }) => async (request, response) => {
    if (request.method === 'POST') request.body = JSON.parse(await text(request))
    node(request, response, () => {})
  })
  assert.equal((await (await post(url)).json()).changed, 240)
})

test('the request and reply of Fastify are taken as they are', async (t) => {
  let hijacked = 0
  const { url } = await serve(t, ({ node }) => async (raw, response) => {
    const body = raw.method === 'POST' ? JSON.parse(await text(raw)) : undefined
    const reply = {
      raw: response,
      hijack() {
        hijacked += 1
      },
    }
    node({ raw, body }, reply)
  })
  assert.equal((await fetch(url)).status, 200)
  assert.equal((await (await post(url)).json()).changed, 240)
  assert.equal(hijacked, 2)
})

test('with a base path, requests for other paths are not found', async (t) => {
  const { url } = await serve(t, ({ node }) => node, { basePath: '/jobs/' })
  assert.equal((await fetch(`${url}/jobs`)).status, 200)
  assert.equal((await fetch(`${url}/jobs/`)).status, 200)
  assert.equal((await fetch(`${url}/`)).status, 404)
})

test('HEAD has the headers of GET and no body', async (t) => {
  const { url } = await serve(t, ({ node }) => node)
  const response = await fetch(`${url}/?api=meta`, { method: 'HEAD' })
  assert.equal(response.status, 200)
  assert.equal(await response.text(), '')
  assert.ok(Number(response.headers.get('content-length')) > 0)
})
