/** The input of users stays plain values: no part of it becomes an operator, a field path or an expression of the server. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JobQueue } from 'durabl'
import { SILENT, jobs } from '../../support/jobs.mjs'

/** Each means something to MongoDB, or to JavaScript, in another place. */
const WORDS = [
  '$where',
  '$$NOW',
  '$$ROOT',
  '$$REMOVE',
  '$status',
  '$',
  'a.b',
  '.',
  'status',
  '_id',
  '{"$ne": null}',
  '__proto__',
  'constructor',
  '*',
  '^.*$',
]

/** Each would match, or change, more than it should if it came to be part of a statement. */
const OBJECTS = [{ $ne: null }, { $gt: '' }, { $regex: '.' }, { $where: '1' }, ['x'], new String('x')]

const PAYLOAD = {
  $where: 'sleep(1)',
  $set: { status: 'completed' },
  'a.b': { $ne: null },
  $expr: { $literal: '$$NOW' },
  nested: [{ $inc: { attempt: 5 } }, '$$ROOT', '$status'],
}

const scope = { dedupeScope: 'pending' }

/** A queue, and a job beside all that is tried. */
async function setUp(t) {
  const env = await jobs(t)
  const queue = new JobQueue(env.backend, SILENT, { autoRecover: false })
  const id = await queue.enqueue('bystander', { secret: 1 }, { dedupeKey: 'bystander', ...scope })
  const before = await env.stored(id)
  return { ...env, queue, assertUntouched: async () => assert.deepEqual(await env.stored(id), before) }
}

for (const word of WORDS) {
  test(`${word} is a type, a key, an id, a token, a message and a reason like others`, async (t) => {
    const { queue, backend, collection, stored, assertUntouched } = await setUp(t)
    const options = { dedupeKey: word, ...scope, maxAttempts: 1 }
    const id = await queue.enqueue(word, word, options)
    assert.equal(await queue.enqueue(word, [word], { ...options, coalesce: 'latest' }), null)
    assert.equal(await queue.hasOutstanding(word, word), true)
    assert.equal((await backend.findOne({ type: word, dedupeKey: word })).id, id)
    const claimed = await backend.claimNextByKey(word, word)
    assert.deepEqual([claimed.id, claimed.data], [id, [word]])
    await backend.log(id, word, claimed.claimToken)
    assert.deepEqual(await backend.complete(id, word), { status: 'lease-lost' })
    assert.equal(await backend.heartbeat(id, word), 'lease-lost')
    assert.deepEqual(await backend.failFatal(id, word, claimed.claimToken), { status: 'failed-terminal' })
    const { failReason, logs, data } = await stored(id)
    const lines = logs.map(({ message }) => message)
    assert.deepEqual([failReason, lines, data], [word, [word, `Fatal: ${word}`], [word]])
    // As the proof of a settlement.
    const other = await queue.enqueue(word, 1)
    await collection.updateOne({ _id: other }, { $set: { status: 'active', claimToken: word } })
    assert.deepEqual(await backend.release(other, word), { status: 'released' })
    assert.deepEqual((await stored(other)).settledTokens, [word])
    for (const call of [
      () => backend.complete(word),
      () => backend.fail(word, word),
      () => backend.release(word, word),
    ])
      assert.deepEqual(await call(), { status: 'not-found' })
    assert.equal(await backend.findOne({ id: word }), null)
    assert.equal(await backend.batchHeartbeat([word]), 0)
    assert.equal((await queue.getStats(word)).failed, 1)
    await assertUntouched()
  })
}

test('a payload full of operators comes back as it was, by every way in', async (t) => {
  const { queue, backend, client, stored, assertUntouched } = await setUp(t)
  const options = { dedupeKey: 'k', ...scope }
  const id = await queue.enqueue('t', PAYLOAD)
  assert.deepEqual((await stored(id)).data, PAYLOAD)
  const first = await queue.enqueue('t', 1, options)
  await queue.enqueue('t', PAYLOAD, { ...options, coalesce: 'latest' })
  assert.deepEqual((await stored(first)).data, PAYLOAD)
  const handle = await queue.claimOrEnqueue('t', PAYLOAD)
  assert.deepEqual([handle.data, (await stored(handle.id)).data], [PAYLOAD, PAYLOAD])
  const [many] = await queue.enqueueMany([{ type: 't', data: PAYLOAD }])
  assert.deepEqual((await stored(many.id)).data, PAYLOAD)
  await client.withSession((session) =>
    session.withTransaction(async () => {
      const plain = await queue.enqueue('t', PAYLOAD, { session })
      const keyed = await queue.enqueue('t', PAYLOAD, { dedupeKey: 'k2', ...scope, session })
      await queue.enqueue('t', PAYLOAD, { dedupeKey: 'k2', ...scope, coalesce: 'latest', session })
      for (const id of [plain, keyed])
        assert.deepEqual((await backend.getCollection().findOne({ _id: id }, { session })).data, PAYLOAD)
    }),
  )
  await assertUntouched()
})

test('an object where a string belongs is refused before the server hears of it', async (t) => {
  const env = await setUp(t)

  const calls = {
    'enqueue type': (it) => env.queue.enqueue(it, 1),
    'enqueue key': (it) => env.queue.enqueue('t', 1, { dedupeKey: it }),
    'enqueue scope': (it) => env.queue.enqueue('t', 1, { dedupeKey: 'k', dedupeScope: it }),
    'enqueue back-off': (it) => env.queue.enqueue('t', 1, { backoff: it }),
    'claimOrEnqueue type': (it) => env.queue.claimOrEnqueue(it, 1),
    'claimOrEnqueue key': (it) => env.queue.claimOrEnqueue('t', 1, { dedupeKey: it }),
    'enqueueMany type': (it) => env.queue.enqueueMany([{ type: it, data: 1 }]),
    'hasOutstanding type': (it) => env.queue.hasOutstanding(it, 'bystander'),
    'hasOutstanding key': (it) => env.queue.hasOutstanding('bystander', it),
    getStats: (it) => env.queue.getStats(it),
    claimNext: (it) => env.backend.claimNext(it),
    'claimNextByKey type': (it) => env.backend.claimNextByKey(it, 'bystander'),
    'claimNextByKey key': (it) => env.backend.claimNextByKey('bystander', it),
    'complete id': (it) => env.backend.complete(it),
    'complete token': (it) => env.backend.complete('x', it),
    'fail id': (it) => env.backend.fail(it, 'no'),
    'fail token': (it) => env.backend.fail('x', 'no', it),
    'failFatal token': (it) => env.backend.failFatal('x', 'no', it),
    'release id': (it) => env.backend.release(it),
    'release token': (it) => env.backend.release('x', it),
    'heartbeat id': (it) => env.backend.heartbeat(it),
    'heartbeat token': (it) => env.backend.heartbeat('x', it),
    batchHeartbeat: (it) => env.backend.batchHeartbeat([it]),
    'log id': (it) => env.backend.log(it, 'message'),
    'log message': (it) => env.backend.log('x', it),
    'findOne id': (it) => env.backend.findOne({ id: it }),
    'findOne type': (it) => env.backend.findOne({ type: it }),
    'findOne status': (it) => env.backend.findOne({ status: it }),
    'findOne payload': (it) => env.backend.findOne({ 'data.secret': it }),
  }
  for (const [name, call] of Object.entries(calls)) {
    await t.test(name, async () => {
      for (const it of OBJECTS) {
        await assert.rejects(
          call(it),
          { code: 'ERR_DURABL_INVALID_ARGUMENT', name: 'TypeError' },
          JSON.stringify(it),
        )
      }
      await env.assertUntouched()
    })
  }

  await t.test('findOne, by what is no field', async () => {
    for (const name of [
      '$where',
      '$or',
      '$expr',
      'data.$where',
      'data.a.$ne',
      'data.',
      'data..a',
      'claimToken',
      '__proto__x',
    ]) {
      const call = env.backend.findOne({ [name]: 'x' })
      await assert.rejects(call, { code: 'ERR_DURABL_INVALID_ARGUMENT' }, name)
    }
  })
})
