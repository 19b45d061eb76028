/** Orchestrations on MongoDB under settings of the app, with its values, and with times that are longer than usual. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createContext, runInContext } from 'node:vm'
import { Orchestrator } from 'durabl'
import { Binary, Decimal128, Long, ObjectId } from 'mongodb'
import { WAYS, app } from '../../support/app.mjs'
import { SILENT } from '../../support/jobs.mjs'
import { letPass } from '../../support/time.mjs'
import { pollUntil } from '../../support/wait.mjs'

const QUICK = { backoffDelay: 1, backoffMaxDelay: 1 }
const DAY_MS = 86_400_000

async function run(t, body, { config, job, ...options } = {}) {
  const env = await app(t, options)
  new Orchestrator(env.queue, SILENT).define('work', body, { pollInterval: 100, ...config })
  const id = await env.queue.enqueue('work', {}, { ...QUICK, ...job })
  const ended = await pollUntil('the job has ended', async () => {
    const found = await env.backend.findOne({ id })
    return ['completed', 'failed'].includes(String(found.status)) && found
  })
  return { ...env, id, job: ended }
}

for (const [way, options] of Object.entries(WAYS)) {
  test(`options of the app’s client change no place and hide no step (${way})`, async (t) => {
    for (const client of [
      { promoteValues: false },
      { readPreference: 'secondaryPreferred', readConcern: { level: 'local' } },
      { ignoreUndefined: true, promoteBuffers: true },
    ]) {
      const ran = []
      const { job, backend, id } = await run(
        t,
        async (its, octx) => {
          for (const name of ['a', 'b', 'c']) await octx.step(name, () => ran.push(name))
          if (ran.length === 3 && ran.push('thrown')) throw new Error('crash')
          assert.equal(typeof octx.now(), 'number')
        },
        { ...options, client },
      )
      assert.equal(job.status, 'completed', job.failReason)
      assert.deepEqual(ran, ['a', 'b', 'c', 'thrown'])
      const seqs = (await backend.readSteps(id)).map(({ seq }) => seq)
      assert.deepEqual(seqs, [-1, 0, 1, 2])
    }
  })
}

for (const [way, options] of Object.entries(WAYS)) {
  test(`an orchestration’s result is kept where results are, also of a resumed attempt (${way})`, async (t) => {
    const body = async (its, octx) => {
      const sum = await octx.step('sum', () => 3)
      if (its.attempt === 1) throw new Error('crash')
      return { sum, attempt: its.attempt }
    }
    const { id, queue, backend } = await run(t, body, { config: { results: 'keep' }, ...options })
    assert.deepEqual(await queue.waitFor(id), { status: 'completed', result: { sum: 3, attempt: 2 } })
    const other = await run(t, body, options)
    assert.equal('result' in (await other.backend.getJob(other.id)), false)
    assert.deepEqual((await backend.getJob(id)).result, { sum: 3, attempt: 2 })
  })
}

test('values of BSON, and plain objects of another realm, are kept and replayed', async (t) => {
  const foreign = runInContext('({ a: [1, { b: new Date(5) }] })', createContext())
  const values = [new ObjectId(), Decimal128.fromString('1.5'), Long.fromString('9007199254740993'), foreign]
  values.push(new Binary(Buffer.from('x')), { insertedId: new ObjectId() })
  const seen = []
  const { job } = await run(t, async (its, octx) => {
    const found = []
    for (const [n, value] of values.entries()) found.push(await octx.step(`v${n}`, () => value))
    if (its.attempt === 1) throw new Error('crash')
    seen.push(...found)
  })
  assert.equal(job.status, 'completed', job.failReason)
  assert.deepEqual(
    seen.map((value) => JSON.stringify(value)),
    values.map((value) => JSON.stringify(value)),
  )
})

test('a Buffer is kept, and replayed with its bytes', async (t) => {
  const seen = []
  const { job } = await run(t, async (its, octx) => {
    const bytes = await octx.step('read', () => Buffer.from('as it was'))
    // Read back as the app reads its collections.
    seen.push(Buffer.from(bytes.value?.() ?? bytes).toString())
    if (its.attempt === 1) throw new Error('crash')
  })
  assert.equal(job.status, 'completed', job.failReason)
  assert.deepEqual(seen, ['as it was', 'as it was'])
})

test('now() is the time of the first attempt, however old the job is', async (t) => {
  let first
  const { job } = await run(
    t,
    async (its, octx) => {
      first ??= octx.now()
      assert.equal(octx.now(), first)
      if (its.attempt === 1) throw new Error('crash')
    },
    { job: { delay: 400 } },
  )
  assert.equal(job.status, 'completed', job.failReason)
  assert.ok(first >= job.createdAt.getTime() + 400 && first <= Date.now() + 50)
})

test('a step that takes twice the visibility timeout is never taken away', async (t) => {
  let calls = 0
  const queue = { visibilityTimeoutMs: 1000 }
  const sweeps = { over: false }
  const env = await app(t, { queue })
  const sweeping = (async () => {
    while (!sweeps.over) {
      await env.backend.recoverStuckJobs(1000)
      await letPass(50, 'sweeps come again and again')
    }
  })()
  new Orchestrator(env.queue, SILENT).define(
    'work',
    (its, octx) =>
      octx.step('long', async () => {
        calls += 1
        await letPass(2000, 'longer than a lease')
      }),
    { stepTimeoutMs: 60_000 },
  )
  const id = await env.queue.enqueue('work', {})
  await pollUntil('it has ended', async () => (await env.stored(id)).status === 'completed')
  sweeps.over = true
  await sweeping
  assert.deepEqual([calls, (await env.stored(id)).attempt], [1, 1])
})

test('limits of a month do not pass at once', async (t) => {
  const config = { maxDurationMs: 30 * DAY_MS, deadlineMs: 60 * DAY_MS, stepTimeoutMs: 40 * DAY_MS }
  const { job } = await run(
    t,
    async (its, octx) => {
      await octx.step('a', () => letPass(30, 'a timer of a millisecond would have fired'))
    },
    { config, job: { maxAttempts: 1 } },
  )
  assert.equal(job.status, 'completed', job.failReason)
})
