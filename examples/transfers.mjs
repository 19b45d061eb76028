/**
 * Transfers of money that happen exactly once, although their workers are killed halfway. The handler's writes and the completion of its job
 * are one transaction. So each transfer has happened and its job has completed, or there is no trace of it.
 *
 *     MONGO_URL='mongodb://localhost:27017/?replicaSet=rs0' node examples/transfers.mjs
 *
 * The transaction of a dead worker stays open until the server gives it up; only then its job starts elsewhere. By default that takes one or two
 * minutes. To see it sooner, start the server with `--setParameter transactionLifetimeLimitSeconds=1`.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { JobQueue, MongoJobQueue } from 'durabl'
import { MongoClient } from 'mongodb'

const TRANSFERS = 20
const KILLS = 2
const ACCOUNTS = ['Ada', 'Bob', 'Grace']
const EACH_HAS = 100

const client = await MongoClient.connect(process.env.MONGO_URL ?? 'mongodb://localhost:27017/?replicaSet=rs0')
const db = client.db(process.env.MONGO_DB ?? 'durabl_examples')
const accounts = db.collection('accounts')
const backend = new MongoJobQueue({ db, collectionName: 'transfer_jobs', useChangeStreams: true })
await backend.startup()
const queue = new JobQueue(backend)

async function transfer(job, ctx) {
  const { from, to, amount } = job.data
  await ctx.transaction(async (session) => {
    await accounts.updateOne({ _id: from }, { $inc: { balance: -amount } }, { session })
    // The worst moment to die: the money has left one account, and not reached the other.
    process.send('halfway')
    await sleep(20)
    await accounts.updateOne({ _id: to }, { $inc: { balance: amount } }, { session })
  })
}

/** The work of each process until it is killed. Jobs that it had claimed and not begun start elsewhere two seconds later. */
const work = () => queue.process('transfer', transfer, { heartbeatIntervalMs: 500 })

/** Starts workers, kills some of them at the worst moment, and counts the money. */
async function run() {
  await backend.resetStorage()
  await accounts.deleteMany({})
  await accounts.insertMany(ACCOUNTS.map((_id) => ({ _id, balance: EACH_HAS })))
  const expected = Object.fromEntries(ACCOUNTS.map((name) => [name, EACH_HAS]))
  for (let n = 0; n < TRANSFERS; n += 1) {
    const [from, to] = [ACCOUNTS[n % 3], ACCOUNTS[(n + 1 + (n % 2)) % 3]]
    const amount = 1 + (n % 7)
    expected[from] -= amount
    expected[to] += amount
    await queue.enqueue('transfer', { from, to, amount })
  }

  const workers = [startWorker(), startWorker()]
  for (let n = 1; n <= KILLS; n += 1) {
    const victim = workers.shift()
    await once(victim, 'message')
    victim.kill('SIGKILL')
    console.log(`worker ${n} was killed in the middle of a transfer`)
    workers.push(startWorker())
  }
  for (let done = 0; done < TRANSFERS; await sleep(50))
    ({ completed: done } = await queue.getStats('transfer'))

  const found = Object.fromEntries(
    (await accounts.find().toArray()).map(({ _id, balance }) => [_id, balance]),
  )
  for (const name of ACCOUNTS) console.log(`${name}: ${found[name]}, as it should be ${expected[name]}`)
  const sum = Object.values(found).reduce((total, balance) => total + balance)
  console.log(`${TRANSFERS} transfers, ${sum} of ${ACCOUNTS.length * EACH_HAS} are there`)
  for (const worker of workers) worker.kill('SIGKILL')
  await queue.shutdown()
  await client.close()
}

const startWorker = () => fork(process.argv[1], ['worker'])

if (process.argv[2] === 'worker') work()
else await run()
