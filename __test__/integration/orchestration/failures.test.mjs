/** Orchestrations whose steps, records, values or heartbeats fail, on MongoDB and in memory. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FatalJobError } from 'durabl'
import { pollUntil } from '../../support/wait.mjs'
import { BACKENDS, QUICK, orchestrated } from './support/orchestrated.mjs'

/** Values that no document can hold. */
const UNFIT = {
  'a null character in a key': [() => ({ 'a\0b': 1 }), /null character/],
  '250 levels': [() => Array.from({ length: 250 }).reduce((inner) => ({ inner }), 1), /levels deep/],
  '20 MB': [() => 'x'.repeat(20_000_000), /bytes/],
}

/** Has calls of a backend's method fail: the first so many that match. */
function failFirst(backend, method, times, error, matches = () => true) {
  const original = backend[method]
  const left = { times }
  backend[method] = async function (...args) {
    if (left.times > 0 && matches(...args)) {
      left.times -= 1
      throw error
    }
    return original.apply(backend, args)
  }
  return left
}

const isBootstrap = (id, token, { name }) => name === '$bootstrap'

for (const name of BACKENDS) {
  describe(name, () => {
    for (const [what, [make, reason]] of Object.entries(UNFIT)) {
      test(`a result of ${what} fails the job for good, after one run of its step`, async (t) => {
        const { orchestrator, queue, ended, stepsOf } = await orchestrated(t, name)
        let ran = 0
        orchestrator.define('unfit', (job, octx) =>
          octx.step('load', () => {
            ran += 1
            return make()
          }),
        )
        const id = await queue.enqueue('unfit', {}, { ...QUICK, maxAttempts: 3 })
        const job = await ended(id)
        assert.deepEqual([job.status, job.attempt, ran], ['failed', 1, 1])
        assert.match(job.failReason, reason)
        assert.match(job.failReason, /load/)
        assert.deepEqual(await stepsOf(id), [])
      })
    }

    test('functions that return no promise are orchestrations and steps like any others', async (t) => {
      const { orchestrator, queue, ended, stepsOf } = await orchestrated(t, name)
      let ran = 0
      orchestrator.define('plain', (job, octx) =>
        octx.step('number', () => (ran += 1)).then((n) => octx.step('object', () => ({ n }))),
      )
      const id = await queue.enqueue('plain', {}, QUICK)
      const job = await ended(id)
      assert.deepEqual([job.status, job.attempt, ran], ['completed', 1, 1])
      assert.deepEqual(await stepsOf(id), [
        [0, 'number', 1],
        [1, 'object', { n: 1 }],
      ])
    })

    test('what an orchestration or a step throws before its first await fails an attempt', async (t) => {
      const { orchestrator, queue, ended } = await orchestrated(t, name)
      const ran = []
      orchestrator.define('throws', (job, octx) => {
        ran.push(job.attempt)
        if (job.attempt === 1) throw new Error('at once')
        return octx.step('a', () => {
          if (job.attempt === 2) throw new Error('in the step')
        })
      })
      const job = await ended(await queue.enqueue('throws', {}, { ...QUICK, maxAttempts: 3 }))
      assert.deepEqual([job.status, job.attempt, ran], ['completed', 3, [1, 2, 3]])
      const told = job.logs.map(({ message }) => message.replace(/^Attempt failed/, 'Failed'))
      assert.deepEqual(told, ['Failed: at once', 'Failed: in the step'])
    })

    test('a FatalJobError ends the job for good, and its log says so', async (t) => {
      const { orchestrator, queue, ended, events } = await orchestrated(t, name)
      orchestrator.define('withdrawn', async (job, octx) => {
        await octx.step('a', () => 1)
        throw new FatalJobError('withdrawn')
      })
      const job = await ended(await queue.enqueue('withdrawn', {}, { ...QUICK, maxAttempts: 5 }))
      assert.deepEqual([job.status, job.attempt, job.failReason], ['failed', 1, 'withdrawn'])
      assert.deepEqual(
        job.logs.map(({ message }) => message),
        ['Fatal: withdrawn'],
      )
      await pollUntil('its end is told', () => events.at(-1).kind === 'fail-fatal')
    })

    test('a UUID that a step has used is the same after its record was lost', async (t) => {
      const { orchestrator, queue, backend, ended } = await orchestrated(t, name)
      const keys = []
      const left = failFirst(backend, 'appendStep', 1, new Error('away'), isBootstrap)
      orchestrator.define('pay', async (job, octx) => {
        await octx.step('charge', () => void keys.push(octx.uuid('charge')))
      })
      const job = await ended(await queue.enqueue('pay', {}, QUICK))
      assert.deepEqual([job.status, job.attempt, left.times], ['completed', 2, 0])
      assert.deepEqual(keys, [keys[0], keys[0]])
    })

    test('no step begins before the record of a UUID that was made before it', async (t) => {
      const { orchestrator, queue, backend, ended } = await orchestrated(t, name)
      const ran = []
      failFirst(backend, 'appendStep', 1, new Error('away'), isBootstrap)
      orchestrator.define('pay', async (job, octx) => {
        octx.uuid('charge')
        await octx.step('charge', () => void ran.push(job.attempt))
      })
      const job = await ended(await queue.enqueue('pay', {}, QUICK))
      assert.deepEqual([job.status, ran], ['completed', [2]])
    })

    test('a heartbeat is tried again while the server is away, and only then', async (t) => {
      const { orchestrator, queue, backend, ended } = await orchestrated(t, name)
      const away = Object.assign(new Error('away'), { code: 'ERR_DURABL_CONNECTION' })
      const left = failFirst(backend, 'heartbeatClaimed', 2, away)
      const seen = []
      orchestrator.define('asks', async (job, octx) => void seen.push(await octx.heartbeat()))
      const job = await ended(await queue.enqueue('asks', {}, QUICK))
      assert.deepEqual([job.status, job.attempt, seen, left.times], ['completed', 1, ['heartbeated'], 0])
      failFirst(backend, 'heartbeatClaimed', 1, new Error('of another kind'))
      const failed = await ended(await queue.enqueue('asks', {}, { maxAttempts: 1 }))
      assert.deepEqual([failed.status, failed.failReason], ['failed', 'of another kind'])
    })

    test('a job whose status was set back by hand is claimed under another token', async (t) => {
      const { queue, backend, setBack } = await claimable(t, name)
      const id = await queue.enqueue('t', {})
      const { claimToken } = await backend.claimNext('t')
      await setBack(id)
      const again = await backend.claimNext('t')
      assert.equal(again.id, id)
      assert.notEqual(again.claimToken, claimToken)
      const record = { seq: 0, name: 'a', result: 1, ts: new Date() }
      assert.deepEqual(await backend.appendStep(id, claimToken, record), { status: 'lease-lost' })
      assert.equal(await backend.heartbeatClaimed(id, claimToken), 'lease-lost')
      assert.equal(await backend.completeClaimed(id, claimToken), 'lease-lost')
      assert.equal(await backend.completeClaimed(id, again.claimToken), 'completed')
    })
  })
}

/** A backend, and how to make a claimed job pending by hand. */
async function claimable(t, name) {
  const world = await orchestrated(t, name)
  return {
    ...world,
    async setBack(id) {
      const job = world.backend.jobs?.find((candidate) => candidate.id === id)
      if (job !== undefined) job.status = 'pending'
      else await world.backend.getCollection().updateOne({ _id: id }, { $set: { status: 'pending' } })
    },
  }
}

test('no journal is read before an attempt that has none', async (t) => {
  const { orchestrator, queue, ended } = await orchestrated(t, 'MongoJobQueue')
  const read = []
  const { readSteps } = queue
  queue.readSteps = function (id) {
    read.push(id)
    return readSteps.call(queue, id)
  }
  orchestrator.define('twice', async (job, octx) => {
    await octx.step('a', () => 1)
    if (job.attempt === 1) throw new Error('again')
  })
  const id = await queue.enqueue('twice', {}, QUICK)
  assert.equal((await ended(id)).attempt, 2)
  assert.deepEqual(read, [id])
})

test('an orchestration adds its journal to the job, and nothing else', async (t) => {
  const { orchestrator, queue, backend, ended } = await orchestrated(t, 'MongoJobQueue')
  // Before there is a processor, so that both are claimed the same way.
  const ids = [await queue.enqueue('steps', { n: 1 }), await queue.enqueue('plain', { n: 1 })]
  orchestrator.define('steps', async (job, octx) => {
    await octx.step('a', () => 1)
    await octx.step('b', () => 2)
  })
  queue.process('plain', async () => {})
  for (const id of ids) assert.equal((await ended(id)).status, 'completed')
  const [{ steps, journalBytes, ...orchestration }, plain] = await Promise.all(
    ids.map((_id) => backend.getCollection().findOne({ _id })),
  )
  assert.deepEqual(
    steps.map(({ name }) => name),
    ['a', 'b'],
  )
  assert.ok(journalBytes > 0)
  const kinds = (job) =>
    Object.fromEntries(Object.entries(job).map(([field, value]) => [field, typeof value]))
  assert.deepEqual(kinds(orchestration), kinds(plain))
  assert.deepEqual(
    [orchestration.status, orchestration.attempt, orchestration.data],
    ['completed', 1, { n: 1 }],
  )
})
