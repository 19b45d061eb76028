/**
 * Workers that stop or die in the middle of a transaction: their writes are gone, and somebody else's are there, once. On a server
 * of the test's own, which lets no transaction live for long.
 */
import assert from 'node:assert/strict'
import { before, after, describe, test } from 'node:test'
import { findMongod } from '../../../scripts/mongod/find.mjs'
import { startReplicaSet } from '../../../scripts/mongod/replica-set.mjs'
import { pollUntil } from '../../support/wait.mjs'
import { heardOut, startWorker, startWorkers } from '../../support/workers/workers.mjs'
import { app } from '../../support/app.mjs'
import { letPass } from '../../support/time.mjs'

/** The server ends a transaction within three seconds: that takes a lease of four and a half. */
const LIMIT = ['--setParameter', 'transactionLifetimeLimitSeconds=2']
const QUEUE = { visibilityTimeoutMs: 5000 }
/** A transaction is open for so long: enough to freeze or kill its worker in the middle of it, and less than the server allows. */
const OPEN_MS = 1000

const LONG = process.env.DURABL_LONG === '1'
const TRANSFERS = 1000
const KILLS = LONG ? 40 : 10
const PATIENCE_MS = LONG ? 280_000 : 120_000
const ACCOUNTS = 25
const EACH_HAS = 1000

let set
before(async () => {
  set = await startReplicaSet(await findMongod(() => {}), { testCommands: true, args: LIMIT })
})
after(() => set.stop())

/** Accounts, and what workers need to join. */
async function bank(t, processor) {
  const env = await app(t, { url: set.url, queue: { autoRecover: false } })
  const accounts = env.db.collection('accounts')
  await accounts.insertMany(Array.from({ length: ACCOUNTS }, (_, _id) => ({ _id, balance: EACH_HAS })))
  const processors = { transfer: { handler: 'transfer', ...processor } }
  const config = { url: set.url, database: env.db.databaseName, queue: QUEUE, processors }
  const balances = async () =>
    (await accounts.find().sort({ _id: 1 }).toArray()).map(({ balance }) => balance)
  return { ...env, balances, ledger: env.db.collection('ledger'), config }
}

describe('a worker in mid-transaction', { concurrency: true }, () => {
  test('that is frozen beyond its lease and thawed leaves nothing; the other’s writes are there, once', async (t) => {
    const env = await bank(t, { ms: OPEN_MS })
    const frozen = await startWorker(t, env.config)
    const id = await env.queue.enqueue('transfer', { from: 0, to: 1, amount: 10 })
    await frozen.next('halfway')
    frozen.signal('SIGSTOP')
    const other = await startWorker(t, env.config)
    const { attempt } = await other.next('moved')
    assert.equal(attempt, 2)
    frozen.signal('SIGCONT')
    const lost = await frozen.next('event:lease-lost')
    assert.equal(lost.jobId, id)
    await frozen.next('ended')
    await heardOut([frozen, other])

    const [first, second] = await env.balances()
    assert.deepEqual([first, second], [EACH_HAS - 10, EACH_HAS + 10])
    assert.deepEqual(await env.ledger.find().toArray(), [{ _id: id, attempt: 2 }])
    assert.equal(await env.jobs.countDocuments({ type: 'receipt' }), 1)
    const { status, attempt: last } = await env.stored(id)
    assert.deepEqual([status, last], ['completed', 2])
    assert.deepEqual([frozen.all('moved'), frozen.all('event:completed')], [[], []])
    assert.equal(other.all('event:completed').length, 1)
  })

  test('that is killed leaves nothing, and its job is done elsewhere', async (t) => {
    const env = await bank(t, { ms: OPEN_MS })
    const victim = await startWorker(t, env.config)
    const id = await env.queue.enqueue('transfer', { from: 0, to: 1, amount: 10 })
    await victim.next('halfway')
    await victim.kill()
    const other = await startWorker(t, env.config)
    await other.next('moved')
    const [first, second] = await env.balances()
    assert.deepEqual([first, second], [EACH_HAS - 10, EACH_HAS + 10])
    assert.deepEqual(await env.ledger.find().toArray(), [{ _id: id, attempt: 2 }])
  })
})

test(`${TRANSFERS} transfers are each made once, while ${KILLS} workers are killed`, async (t) => {
  const env = await bank(t, { ms: 5, config: { concurrency: 4, pollInterval: 200 } })
  const expected = Array(ACCOUNTS).fill(EACH_HAS)
  const ids = []
  for (let n = 0; n < TRANSFERS; n += 1) {
    const from = (n * 7) % ACCOUNTS
    const to = (from + 1 + (n % (ACCOUNTS - 1))) % ACCOUNTS
    const amount = 1 + (n % 9)
    expected[from] -= amount
    expected[to] += amount
    // However often it kills its worker.
    ids.push(await env.queue.enqueue('transfer', { from, to, amount }, { maxAttempts: 1000 }))
  }
  const made = (least) =>
    pollUntil(
      `${least} transfers are made`,
      async () => (await env.jobs.countDocuments({ type: 'transfer', status: 'completed' })) >= least,
      { everyMs: 50, patienceMs: PATIENCE_MS },
    )
  const workers = await startWorkers(t, 3, env.config)
  for (let kill = 0; kill < KILLS; kill += 1) {
    await made(Math.floor((kill * TRANSFERS) / KILLS))
    await letPass(Math.random() * 100, 'a moment in the middle of something')
    await workers.shift().kill()
    workers.push(await startWorker(t, env.config))
  }
  await made(TRANSFERS)

  assert.equal(
    (await env.balances()).reduce((sum, balance) => sum + balance),
    ACCOUNTS * EACH_HAS,
  )
  assert.deepEqual(await env.balances(), expected)
  assert.equal(await env.jobs.countDocuments({ type: 'transfer', status: 'completed' }), TRANSFERS)
  const booked = await env.ledger.find().toArray()
  assert.deepEqual(booked.map(({ _id }) => _id).sort(), ids.sort())
  const receipts = await env.jobs.find({ type: 'receipt' }).toArray()
  assert.deepEqual(receipts.map(({ data }) => data.transfer).sort(), ids.sort())
  const interrupted = await env.ledger.countDocuments({ attempt: { $gt: 1 } })
  t.diagnostic(`${interrupted} of the transfers had been interrupted before`)
  assert.ok(interrupted > 0, 'no kill came at a moment that mattered')
})
