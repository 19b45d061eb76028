/** Requests that are malformed, forged or too large, and values that try to get out of the page. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createDashboard } from 'durabl/dashboard'
import { OWN, dashboardOf } from '../../support/dashboards.mjs'
import { madeUpQueue } from '../../support/made-up-queue.mjs'

const without = (name) => Object.fromEntries(Object.entries(OWN).filter(([header]) => header !== name))

/** Headers, and the answer to an action with them. */
const FORGERIES = [
  ['all of the page', OWN, 200],
  ['none of a browser, as a script sends', { 'content-type': 'application/json', 'x-durabl': '1' }, 200],
  ['no x-durabl', without('x-durabl'), 403],
  ['another x-durabl', { ...OWN, 'x-durabl': 'true' }, 403],
  ['no type of content', without('content-type'), 415],
  ['a form', { ...OWN, 'content-type': 'application/x-www-form-urlencoded' }, 415],
  ['plain text', { ...OWN, 'content-type': 'text/plain' }, 415],
  ['JSON with a character set', { ...OWN, 'content-type': 'application/json; charset=utf-8' }, 200],
  ['a type that only begins like JSON', { ...OWN, 'content-type': 'application/jsonp' }, 415],
  ['another site', { ...OWN, 'sec-fetch-site': 'cross-site' }, 403],
  ['a neighbour of the site', { ...OWN, 'sec-fetch-site': 'same-site' }, 403],
  ['another origin', { ...OWN, origin: 'https://evil.example.com' }, 403],
  ['the origin of a sandbox', { ...OWN, origin: 'null' }, 403],
  ['an origin that only begins like ours', { ...OWN, origin: 'https://admin.example.com.example.net' }, 403],
  ['another port', { ...OWN, origin: 'https://admin.example.com:8443' }, 403],
  [
    'a proxy that has another host inside',
    { ...OWN, host: '10.0.0.7:3000', 'x-forwarded-host': 'admin.example.com' },
    200,
  ],
]

const failedJob = (queue) => [...queue.jobs.values()].find(({ status }) => status === 'failed')

describe('an action', () => {
  for (const [name, headers, status] of FORGERIES) {
    test(`with ${name} is ${status === 200 ? 'done' : 'refused'}`, async () => {
      const queue = madeUpQueue()
      const response = await dashboardOf(queue).act({ action: 'retry', id: failedJob(queue).id }, headers)
      assert.equal(response.status, status, await response.text())
      assert.equal(
        queue.calls.some(([call]) => call === 'retry'),
        status === 200,
      )
    })
  }

  for (const [name, body] of [
    ['nothing', ''],
    ['no JSON', '{"action":'],
    ['a list', '[]'],
    ['null', 'null'],
    ['a string', '"retry"'],
    ['no action', {}],
    ['an unknown action', { action: 'constructor', id: 'x' }],
    ['an action that is an object', { action: { $gt: '' }, id: 'x' }],
    ['an id that is an object', { action: 'retry', id: { $gt: '' } }],
    ['ids that hold an object', { action: 'retry', ids: [{ $ne: null }] }],
    ['no ids', { action: 'retry', ids: [] }],
    ['too many ids', { action: 'retry', ids: Array.from({ length: 501 }, (_, n) => `j${n}`) }],
    ['a filter that holds an object', { action: 'remove', filter: { status: 'failed', type: { $ne: 'a' } } }],
    ['a filter that is a list', { action: 'remove', filter: [] }],
    ['no target', { action: 'remove' }],
    ['a type that is an object', { action: 'pause', type: { $ne: '' } }],
    ['data that is not text', { action: 'retry', id: 'x', data: { a: 1 } }],
    ['a queue that is an object', { action: 'retry', id: 'x', queue: {} }],
  ]) {
    test(`of ${name} is refused before the queue hears of it`, async () => {
      const queue = madeUpQueue()
      const response = await dashboardOf(queue).act(body)
      assert.ok([400, 404].includes(response.status), `${response.status} ${await response.text()}`)
      assert.deepEqual(
        queue.calls.filter(([name]) => name !== 'getJob'),
        [],
      )
    })
  }

  test('with a body beyond two megabytes is refused', async () => {
    const queue = madeUpQueue()
    const response = await dashboardOf(queue).act({
      action: 'retry',
      id: 'x',
      data: JSON.stringify('x'.repeat(2 ** 21)),
    })
    assert.equal(response.status, 413)
    assert.deepEqual(queue.calls, [])
  })

  test('of a queue that is not there is refused, also by names that every object has', async () => {
    for (const queue of ['other', 'default ', '__proto__', 'constructor', 'toString']) {
      assert.equal((await dashboardOf(madeUpQueue()).act({ action: 'retry', id: 'x', queue })).status, 404)
    }
  })

  test('by another method is refused', async () => {
    const { request } = dashboardOf(madeUpQueue())
    for (const method of ['PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      const response = await request('api=act', { method, headers: OWN })
      assert.equal(response.status, 405)
      assert.equal(response.headers.get('allow'), 'GET, HEAD, POST')
    }
  })
})

test('chosen jobs that were retried meanwhile are not removed', async () => {
  const queue = madeUpQueue()
  const [one, other] = [...queue.jobs.values()].filter(({ status }) => status === 'failed')
  queue.jobs.set(other.id, { ...other, status: 'pending' })
  const { act } = dashboardOf(queue)
  const reply = await (
    await act({ action: 'remove', ids: [one.id, other.id], filter: { status: 'failed' } })
  ).json()
  assert.equal(reply.changed, 1)
  assert.equal(queue.jobs.has(one.id), false)
  assert.equal(queue.jobs.get(other.id).status, 'pending')
})

describe('a read', () => {
  for (const query of [
    'api=__proto__',
    'api=constructor',
    'api=nothing',
    'asset=nothing',
    'asset=__proto__',
    'api=live&queue=__proto__',
  ]) {
    test(`of ?${query} finds nothing`, async () => {
      assert.equal((await dashboardOf(madeUpQueue()).get(query)).status, 404)
    })
  }

  for (const query of [
    'api=jobs',
    'api=job',
    'api=history',
    'api=jobs&status=failed&limit=-1',
    'api=jobs&status=failed&limit=x',
  ]) {
    test(`of ?${query} is malformed`, async () => {
      assert.equal((await dashboardOf(madeUpQueue()).get(query)).status, 400)
    })
  }

  test('asks for no more than two hundred jobs at once', async () => {
    const queue = madeUpQueue()
    await dashboardOf(queue).get('api=jobs&status=failed&limit=100000')
    assert.equal(queue.calls.find(([name]) => name === 'listJobs')[1].limit, 200)
  })

  test('takes a value as JSON where it reads as such, else as a string, and never as an operator', async () => {
    const queue = madeUpQueue()
    const { get } = dashboardOf(queue)
    const asked = async (value) => {
      await get(`api=jobs&status=failed&path=userId&value=${encodeURIComponent(value)}`)
      return queue.calls.at(-1)[1].where
    }
    assert.deepEqual(await asked('u_1'), { 'data.userId': 'u_1' })
    assert.deepEqual(await asked('12'), { 'data.userId': 12 })
    assert.deepEqual(await asked('"12"'), { 'data.userId': '12' })
    assert.deepEqual(await asked('true'), { 'data.userId': true })
    assert.deepEqual(await asked('null'), { 'data.userId': null })
    assert.deepEqual(await asked('{"$date":"2026-01-01T00:00:00Z"}'), {
      'data.userId': new Date('2026-01-01'),
    })
    // The queue refuses it by name; see the tests of its filters.
    assert.deepEqual(await asked('{"$ne":1}'), { 'data.userId': { $ne: 1 } })
  })

  test('shows an error of the server by its code, and its own mistakes without a word', async () => {
    const queue = madeUpQueue()
    const away = Object.assign(new Error('no server could be reached'), { code: 'ERR_DURABL_CONNECTION' })
    queue.listJobs = () => Promise.reject(away)
    queue.getJob = () => Promise.reject(new Error('mongodb://user:password@host'))
    const { get } = dashboardOf(queue)
    const list = await get('api=jobs&status=failed')
    assert.equal(list.status, 503)
    assert.deepEqual(await list.json(), {
      error: 'ERR_DURABL_CONNECTION',
      message: 'no server could be reached',
    })
    const job = await get('api=job&id=x')
    assert.equal(job.status, 500)
    assert.doesNotMatch(await job.text(), /password/)
  })

  test('of a queue that lacks the call says so', async () => {
    const queue = madeUpQueue()
    delete queue.listJobs
    const response = await dashboardOf(queue).get('api=jobs&status=failed')
    assert.equal(response.status, 501)
    assert.match((await response.json()).message, /no listJobs\(\)/)
  })
})

describe('the page', () => {
  test('forbids everything that it does not need, and is never framed or cached', async () => {
    const { headers } = await dashboardOf(madeUpQueue()).get('')
    assert.match(
      headers.get('content-security-policy'),
      /^default-src 'none'; script-src 'self'; style-src 'self'/,
    )
    assert.match(headers.get('content-security-policy'), /frame-ancestors 'none'/)
    assert.doesNotMatch(headers.get('content-security-policy'), /unsafe/)
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.equal(headers.get('cache-control'), 'no-store')
  })

  test('escapes its title, and has no script or style within', async () => {
    const { get } = dashboardOf(madeUpQueue(), { title: '</title><script>alert(1)</script>' })
    const html = await (await get('')).text()
    assert.doesNotMatch(html, /<script>|<style|style=|onload/)
    assert.match(html, /&lt;script&gt;alert\(1\)/)
  })

  test('has addresses that are relative to its own', async () => {
    const html = await (await dashboardOf(madeUpQueue()).get('')).text()
    const addresses = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address]) => address)
    assert.deepEqual(
      addresses.filter((address) => !address.startsWith('data:')),
      ['?asset=style', '?asset=script'],
    )
  })

  test('keeps what it has while the server says that it is the same', async () => {
    const { get } = dashboardOf(madeUpQueue())
    for (const query of ['asset=script', 'asset=style', 'api=live']) {
      const first = await get(query)
      const again = await get(query, { 'if-none-match': first.headers.get('etag') })
      assert.equal(again.status, 304, query)
      assert.equal(await again.text(), '')
    }
  })
})

describe('createDashboard', () => {
  const queue = madeUpQueue()
  const authorize = () => ({ status: 'read' })
  for (const [name, options, pattern] of [
    ['no options', undefined, /option "queue" must be a JobQueue/],
    ['no authorize', { queue }, /option "authorize" must be a function/],
    ['an authorize that is no function', { queue, authorize: true }, /option "authorize" must be a function/],
    ['no queue', { authorize }, /option "queue" must be a JobQueue/],
    ['no queue under a name', { queue: {}, authorize }, /has no queue/],
    [
      'something else under a name',
      { queue: { main: 1 }, authorize },
      /option "queue", "main", must be a JobQueue/,
    ],
    ['a path without a slash', { queue, authorize, basePath: 'jobs' }, /option "basePath" must be a path/],
    ['an unknown option', { queue, authorize, autorize: 1 }, /unknown option "autorize"/],
  ]) {
    test(`refuses ${name}`, () => {
      assert.throws(() => createDashboard(options), { code: 'ERR_DURABL_INVALID_ARGUMENT', message: pattern })
    })
  }
})
