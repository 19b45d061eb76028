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

test('metrics are at /metrics below the page, also where it is mounted or has a base path', async (t) => {
  const mounted = await serve(t, ({ node }) => (request, response) => {
    request.originalUrl = request.url
    request.url = request.url.replace(/^\/admin/, '') || '/'
    node(request, response, () => response.writeHead(404).end('of the app'))
  })
  const based = await serve(t, ({ node }) => node, { basePath: '/jobs' })
  const plain = await serve(t, ({ node }) => node)
  for (const url of [`${mounted.url}/admin/metrics`, `${based.url}/jobs/metrics`, `${plain.url}/metrics`]) {
    const response = await fetch(url)
    assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8', url)
    const found = await response.text()
    assert.match(found, /^durabl_workers\{type="webhook"\} 3$/m)
    assert.match(found, /^durabl_jobs\{type="sync-crm",status="blocked"\} 3$/m)
    assert.match(found, /^durabl_schedule_overdue_seconds\{schedule="invoices"\} 3600/m)
    assert.equal((await fetch(url, { method: 'POST' })).status, 405)
  }
  assert.equal((await fetch(`${based.url}/metrics`)).status, 404)
  const asked = plain.queue.calls.filter(([name]) => name === 'counts').length
  await fetch(`${plain.url}/metrics`)
  assert.equal(
    plain.queue.calls.filter(([name]) => name === 'counts').length,
    asked,
    'told from the same moment',
  )
})

test('the page comes with the answers to its first questions, of what its user may see', async (t) => {
  const { url } = await serve(t, ({ node }) => node, {
    authorize: () => ({ status: 'read', types: ['webhook'] }),
    title: `"'><script>alert(1)</script>`,
  })
  const page = await (await fetch(url)).text()
  assert.doesNotMatch(page, /<script>alert/)
  const attribute = /data-first="([^"]*)"/.exec(page)[1]
  const named = { '&quot;': '"', '&#39;': "'", '&lt;': '<', '&gt;': '>', '&amp;': '&' }
  const first = JSON.parse(attribute.replaceAll(/&(quot|#39|lt|gt|amp);/g, (entity) => named[entity]))
  assert.deepEqual(Object.keys(first), ['api=meta', 'api=live'])
  assert.deepEqual(
    first['api=live'].types.map(({ type }) => type),
    ['webhook'],
  )
})

test('a page is not kept waiting for its numbers', async (t) => {
  const { url, queue } = await serve(t, ({ node }) => node)
  queue.counts = () => new Promise(() => {})
  const page = await (await fetch(url)).text()
  assert.match(page, /data-first="{&quot;api=meta&quot;:/)
  assert.doesNotMatch(page, /api=live/)
})
