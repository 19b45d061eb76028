/** The dashboard on a real queue, whose calls answer as those of MongoDB do. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DummyBackend, JobQueue } from 'durabl'
import { atEnd } from '../../support/cleanup.mjs'
import { dashboardOf } from '../../support/dashboards.mjs'

const silent = { debug() {}, info() {}, warn() {}, error() {} }

function world(t) {
  const backend = new DummyBackend()
  const queue = new JobQueue(backend, silent)
  atEnd(t, () => queue.shutdown())
  const { get, act } = dashboardOf(queue)
  const json = async (answer) => {
    const response = await answer
    assert.equal(response.status, 200, await response.clone().text())
    return response.json()
  }
  return { queue, backend, get: (query) => json(get(query)), act: (body) => json(act(body)) }
}

async function failed({ queue, backend }, type, data) {
  const id = await queue.enqueue(type, data, { maxAttempts: 1 })
  const job = await backend.claimNext(type)
  await backend.fail(job.id, 'no route to host 10.0.0.1', job.claimToken)
  return id
}

test('an empty queue has no types, and every read answers', async (t) => {
  const { get } = world(t)
  assert.deepEqual((await get('api=live')).types, [])
  assert.deepEqual((await get('api=jobs&status=failed')).jobs, [])
  assert.deepEqual((await get('api=failures')).groups, [])
  assert.equal((await get('api=history&type=mail')).completed.length, 144)
})

test('types are counted, and events of a job are told', async (t) => {
  const site = world(t)
  const { queue, get, act } = site
  const id = await failed(site, 'mail', { userId: 'u1', token: 'x' })
  await queue.enqueue('mail', { userId: 'u2' })
  const [row] = (await get('api=live')).types
  assert.equal(row.type, 'mail')
  assert.deepEqual([row.pending.count, row.due.count, row.failed.count], [1, 1, 1])
  assert.equal(
    row.failures.reduce((a, b) => a + b, 0),
    1,
  )
  const { jobs } = await get('api=jobs&status=failed&path=userId&value=u1')
  assert.deepEqual(
    jobs.map((job) => [job.id, job.ending]),
    [[id, 'exhausted']],
  )
  const job = await get(`api=job&id=${id}`)
  assert.equal(job.failReason, 'no route to host 10.0.0.1')
  assert.deepEqual(JSON.parse(job.data.text), { userId: 'u1', token: '(masked)' })
  const { groups } = await get('api=failures&type=mail')
  assert.deepEqual(
    groups.map(({ reason, ids }) => [reason, ids]),
    [['no route to host <ip>', [id]]],
  )
  const data = JSON.stringify({ ...JSON.parse(job.data.text), userId: 'u3' })
  assert.equal((await act({ action: 'retry', id, data })).status, 'retried')
  assert.deepEqual((await queue.getJob(id)).data, { userId: 'u3', token: 'x' })
})

test('a job tells the trace in which it was made', async (t) => {
  const { queue, get } = world(t)
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
  const trace = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` }
  const id = await queue.enqueue('mail', {}, { trace })
  assert.equal((await get(`api=job&id=${id}`)).traceId, traceId)
  const plain = await queue.enqueue('mail', {})
  assert.equal((await get(`api=job&id=${plain}`)).traceId, null)
})

test('a paused type says so, and goes on', async (t) => {
  const { queue, get, act } = world(t)
  await queue.enqueue('mail', {})
  assert.equal((await act({ action: 'pause', type: 'mail', reason: 'down' })).status, 'paused')
  const live = await get('api=live')
  assert.equal(live.types[0].isPaused, true)
  assert.ok(live.warnings.some(({ kind }) => kind === 'paused'))
  assert.equal((await act({ action: 'resume', type: 'mail' })).status, 'resumed')
})

test('actions stand in the record of the queue', async (t) => {
  const site = world(t)
  const id = await failed(site, 'mail', {})
  await site.act({ action: 'retry', id })
  const [entry] = await site.queue.listActions()
  assert.deepEqual([entry.action, entry.target], ['retry', id])
})

test('schedules are seen with their next occurrences, and steered', async (t) => {
  const { queue, get, act } = world(t)
  await queue.schedule(
    'nightly',
    { cron: '30 2 * * *', timezone: 'Europe/Berlin' },
    { type: 'report', data: {} },
  )
  const [schedule] = (await get('api=live')).schedules
  assert.deepEqual(
    [schedule.id, schedule.type, schedule.status, schedule.next.length],
    ['nightly', 'report', 'running', 5],
  )
  assert.equal((await act({ action: 'trigger-schedule', id: 'nightly' })).status, 'created')
  assert.equal((await act({ action: 'pause-schedule', id: 'nightly' })).status, 'paused')
  assert.equal((await act({ action: 'resume-schedule', id: 'nightly' })).status, 'resumed')
  assert.equal((await act({ action: 'unschedule', id: 'nightly' })).status, 'removed')
})

test('workers show what they work on', async (t) => {
  const { queue, get } = world(t)
  queue.process('mail', () => {}, { concurrency: 3 })
  const { workers } = await get('api=live')
  assert.equal(workers.length <= 1, true)
  for (const { types } of workers)
    assert.deepEqual(
      types.map(({ type, concurrency }) => [type, concurrency]),
      [['mail', 3]],
    )
})

test('an operator in a filter is refused by the queue, by name', async (t) => {
  const { queue } = world(t)
  const { get } = dashboardOf(queue)
  const response = await get(`api=jobs&status=failed&path=userId&value=${encodeURIComponent('{"$ne":1}')}`)
  assert.equal(response.status, 400)
  assert.match((await response.json()).message, /data\.userId/)
})
