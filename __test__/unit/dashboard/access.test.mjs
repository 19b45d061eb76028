/** Every route of the dashboard under every level of access: nothing is shown or done that `authorize` did not allow. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { dashboardOf } from '../../support/dashboards.mjs'
import { madeUpQueue } from '../../support/made-up-queue.mjs'

const READS = [
  '',
  'asset=script',
  'asset=style',
  'api=meta',
  'api=live',
  'api=history&type=webhook',
  'api=jobs&status=failed&type=webhook',
  'api=job&id=ID',
  'api=failures&type=webhook',
  'api=actions',
  'api=metrics',
]

const ACTS = [
  { action: 'retry', id: 'ID' },
  { action: 'retry', ids: ['ID'] },
  { action: 'retry', filter: { status: 'failed', type: 'webhook' } },
  { action: 'retry', filter: { status: 'failed', type: 'webhook' }, mode: 'preview' },
  { action: 'cancel', id: 'ID' },
  { action: 'cancel', ids: ['ID'] },
  { action: 'promote', id: 'ID' },
  { action: 'remove', id: 'ID' },
  { action: 'remove', filter: { status: 'failed', type: 'webhook' } },
  { action: 'pause', type: 'webhook' },
  { action: 'resume', type: 'webhook' },
  { action: 'trigger-schedule', id: 'crm' },
  { action: 'pause-schedule', id: 'crm' },
  { action: 'resume-schedule', id: 'crm' },
  { action: 'unschedule', id: 'crm' },
  { action: 'skip-occurrence', id: 'crm', at: 1_700_000_000_000 },
  { action: 'reschedule', id: 'ID', at: 1_700_000_000_000, priority: -1 },
]

/** Calls that change something. */
const CHANGES = /^(retry|cancel|promote|remove|pause|resume|trigger|unschedule|skip|reschedule|recordAction)/

/** Levels: whether each may read, and which actions it may take. */
const LEVELS = [
  ['full', { status: 'full' }, true, () => true],
  ['read', { status: 'read' }, true, () => false],
  [
    'some',
    { status: 'some', actions: ['retry', 'pause'] },
    true,
    (action) => ['retry', 'pause'].includes(action),
  ],
  ['some, but none', { status: 'some', actions: [] }, true, () => false],
  ['denied', { status: 'denied' }, false, () => false],
]

/** Values that are no access at all: an app's mistake, which must open nothing. */
const NONSENSE = [
  ...[
    undefined,
    null,
    true,
    'full',
    1,
    [],
    {},
    { status: 'admin' },
    { status: ['full'] },
    { status: 'some' },
  ],
  ...[
    { status: 'some', actions: 'retry' },
    { status: 'some', actions: ['everything'] },
    { status: 'full', types: 'a' },
  ],
  ...[
    { status: 'full', user: 7 },
    { status: 'denied', redirect: 'x\r\nset-cookie: a=b' },
  ],
]

function world(access) {
  const queue = madeUpQueue()
  const [id] = [...queue.jobs.values()].filter(({ status }) => status === 'failed').map((job) => job.id)
  const told = []
  const site = dashboardOf(queue, {
    authorize: typeof access === 'function' ? access : () => access,
    onAction: (event) => told.push(event),
  })
  const filled = (value) => JSON.parse(JSON.stringify(value).replaceAll('"ID"', JSON.stringify(id)))
  return {
    ...site,
    ...{ queue, told, id },
    read: (query) => site.get(query.replace('ID', encodeURIComponent(id))),
    metrics: () => site.dashboard.fetch(new Request('https://admin.example.com/jobs/metrics')),
    do: (body) => site.act(filled(body)),
    changes: () => queue.calls.filter(([name]) => CHANGES.test(name)),
  }
}

describe('a dashboard', () => {
  for (const [name, access, mayRead, may] of LEVELS) {
    test(`${name}: the metrics are ${mayRead ? 'told' : 'refused'}`, async () => {
      const { metrics, queue } = world(access)
      const response = await metrics()
      assert.equal(response.status, mayRead ? 200 : 403)
      if (mayRead) assert.match(await response.text(), /^durabl_jobs\{type="webhook",status="failed"\} /m)
      else assert.deepEqual(queue.calls, [])
    })
    for (const query of READS) {
      test(`${name}: GET ?${query} is ${mayRead ? 'answered' : 'refused'}`, async () => {
        const { read, queue } = world(access)
        const response = await read(query)
        assert.equal(response.status, mayRead ? 200 : 403)
        if (!mayRead) assert.deepEqual(queue.calls, [])
      })
    }
    for (const body of ACTS) {
      const isAllowed = mayRead && may(body.action)
      test(`${name}: ${JSON.stringify(body)} is ${isAllowed ? 'done' : 'refused'}`, async () => {
        const { do: act, changes, told } = world(access)
        const response = await act(body)
        assert.equal(response.status, isAllowed ? 200 : 403, await response.text())
        assert.equal(changes().length > 0, isAllowed)
        assert.equal(told.length, isAllowed && body.mode !== 'preview' ? 1 : 0)
      })
    }
  }

  for (const nonsense of NONSENSE) {
    test(`answers 500 where authorize returns ${JSON.stringify(nonsense)}`, async () => {
      const { read, do: act, queue } = world(nonsense)
      for (const query of READS) assert.equal((await read(query)).status, 500, query)
      for (const body of ACTS) assert.equal((await act(body)).status, 500, JSON.stringify(body))
      assert.deepEqual(queue.calls, [])
    })
  }

  for (const [how, authorize] of [
    [
      'throws',
      () => {
        throw new Error('the session store is away: secret-host')
      },
    ],
    ['rejects', () => Promise.reject(new Error('the session store is away: secret-host'))],
  ]) {
    test(`answers 500 where authorize ${how}, without its message`, async () => {
      const { read, do: act, queue } = world(authorize)
      for (const query of READS) {
        const response = await read(query)
        assert.equal(response.status, 500)
        assert.doesNotMatch(await response.text(), /secret-host/)
      }
      for (const body of ACTS) assert.equal((await act(body)).status, 500)
      assert.deepEqual(queue.calls, [])
    })
  }

  test('asks authorize with the request of the browser, for each request', async () => {
    const asked = []
    const { get } = dashboardOf(madeUpQueue(), {
      authorize: (request) => {
        asked.push([request.url, request.headers.get('cookie')])
        return { status: 'read' }
      },
    })
    await get('asset=script', { cookie: 'session=1' })
    await get('api=live')
    assert.deepEqual(asked, [
      ['https://admin.example.com/jobs?asset=script', 'session=1'],
      ['https://admin.example.com/jobs?api=live', null],
    ])
  })

  test('sends a browser that is denied to the sign-in page, and tells scripts where it is', async () => {
    const { get } = dashboardOf(madeUpQueue(), {
      authorize: () => ({ status: 'denied', redirect: '/login?next=/jobs' }),
    })
    const page = await get('')
    assert.equal(page.status, 302)
    assert.equal(page.headers.get('location'), '/login?next=/jobs')
    const api = await get('api=live')
    assert.equal(api.status, 403)
    assert.equal((await api.json()).redirect, '/login?next=/jobs')
  })

  test('asks a browser that is denied for a password, if the app says so, and refuses a header that is none', async () => {
    const { get } = dashboardOf(madeUpQueue(), {
      authorize: () => ({ status: 'denied', authenticate: 'Basic realm="jobs"' }),
    })
    const page = await get('')
    assert.equal(page.status, 401)
    assert.equal(page.headers.get('www-authenticate'), 'Basic realm="jobs"')
    const api = await get('api=live')
    assert.deepEqual([api.status, api.headers.get('www-authenticate')], [403, null])
    const odd = dashboardOf(madeUpQueue(), {
      authorize: () => ({ status: 'denied', authenticate: 'Basic\r\nset-cookie: a=b' }),
    })
    assert.equal((await odd.get('')).status, 500)
  })
})

describe('a user of some types', () => {
  const access = { status: 'full', user: 'eve', types: ['webhook'] }

  test('sees nothing of the others', async () => {
    const { read, metrics } = world(access)
    const live = await (await read('api=live')).json()
    assert.deepEqual(
      live.types.map(({ type }) => type),
      ['webhook'],
    )
    assert.deepEqual(live.schedules, [])
    // Records and metrics tell of all types.
    assert.equal((await read('api=actions')).status, 403)
    assert.equal((await metrics()).status, 403)
    const shown = await (await read('')).text()
    assert.doesNotMatch(shown, /charge-card|sync-crm|invoices/)
    assert.match(shown, /webhook/)
    for (const { types } of live.workers)
      assert.deepEqual(
        types.map(({ type }) => type),
        ['webhook'],
      )
    assert.doesNotMatch(JSON.stringify(live), /charge-card|sync-crm|invoices/)
    for (const query of [
      'api=jobs&status=failed&type=charge-card',
      'api=history&type=charge-card',
      'api=failures&type=charge-card',
    ]) {
      assert.equal((await read(query)).status, 403, query)
    }
    const jobs = await (await read('api=jobs&status=failed')).json()
    assert.deepEqual([...new Set(jobs.jobs.map(({ type }) => type))], ['webhook'])
    const { groups } = await (await read('api=failures')).json()
    assert.deepEqual([...new Set(groups.map(({ type }) => type))], ['webhook'])
  })

  test('can neither see nor touch a job of another type by its id', async () => {
    const { queue, get, act, changes } = world(access)
    const other = [...queue.jobs.values()].find(({ type }) => type === 'charge-card').id
    const absent = await (await get('api=job&id=absent')).text()
    const response = await get(`api=job&id=${other}`)
    assert.equal(response.status, 404)
    assert.equal(await response.text(), absent)
    for (const action of ['retry', 'cancel', 'promote', 'remove']) {
      assert.equal((await act({ action, id: other })).status, 404)
      const many = await (await act({ action, ids: [other] })).json()
      assert.equal(many.matched, 0)
      assert.equal((await act({ action, filter: { status: 'failed', type: 'charge-card' } })).status, 403)
    }
    assert.equal((await act({ action: 'pause', type: 'charge-card' })).status, 403)
    const unknown = await act({ action: 'pauseSchedule', id: 'crm' })
    assert.equal(unknown.status, 400)
    assert.match(
      (await unknown.json()).message,
      /there is no action "pauseSchedule"; there are retry, .*pause-schedule/,
    )
    assert.equal((await act({ action: 'trigger-schedule', id: 'crm' })).status, 404)
    assert.equal((await act({ action: 'skip-occurrence', id: 'crm', at: 1 })).status, 404)
    assert.equal((await act({ action: 'reschedule', id: other, at: 1 })).status, 404)
    assert.deepEqual(
      changes().filter(([name]) => name !== 'recordAction'),
      [],
    )
  })

  test('acts on those that are of the type, and is named in the record', async () => {
    const { queue, act, told } = world(access)
    const other = [...queue.jobs.values()].find(({ type }) => type === 'charge-card').id
    const webhook = [...queue.jobs.values()].find(
      ({ type, status }) => type === 'webhook' && status === 'failed',
    ).id
    const reply = await (
      await act({ action: 'retry', ids: [other, webhook], filter: { status: 'failed' } })
    ).json()
    assert.equal(reply.changed, 1)
    assert.equal(queue.jobs.get(webhook).status, 'pending')
    assert.equal(told[0].user, 'eve')
    const [, recorded] = queue.calls.find(([name]) => name === 'recordAction')
    assert.equal(recorded.by, 'eve')
    assert.equal(recorded.action, 'retry')
    assert.deepEqual(JSON.parse(recorded.target), { ids: [webhook] })
  })
})
