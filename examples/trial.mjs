/**
 * A trial subscription: an account, a payment, a mail. Its worker is killed at every step, and each effect happens once. Recorded steps
 * never run again, and unfinished steps run again with the same key.
 *
 *     MONGO_URL='mongodb://localhost:27017/?replicaSet=rs0' node examples/trial.mjs
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { JobQueue, MongoJobQueue, Orchestrator } from 'durabl'
import { MongoClient } from 'mongodb'

const STEPS = ['account', 'charge', 'mail']

const client = await MongoClient.connect(process.env.MONGO_URL ?? 'mongodb://localhost:27017/?replicaSet=rs0')
const db = client.db(process.env.MONGO_DB ?? 'durabl_examples')
const charges = db.collection('charges')
const backend = new MongoJobQueue({ db, collectionName: 'trial_jobs', useChangeStreams: true })
await backend.startup()

/** A payment provider: one charge for each key, however often it is asked for. */
async function charge(user, key) {
  await charges.updateOne(
    { _id: key },
    { $setOnInsert: { user, cents: 900 }, $inc: { calls: 1 } },
    { upsert: true },
  )
  return { id: key, cents: 900 }
}

/** Tells the parent, which has this process go on, or kills it. */
async function reached(where) {
  const goOn = once(process, 'message')
  process.send(where)
  await goOn
}

async function trial(job, octx) {
  const account = await octx.step('account', async () => {
    await reached('account')
    return { id: `account-of-${job.data.user}` }
  })
  const paid = await octx.step('charge', async ({ idempotencyKey }) => {
    const paid = await charge(job.data.user, idempotencyKey)
    // The worst moment to die: paid, and not recorded.
    await reached('charge')
    return paid
  })
  await octx.step('mail', async () => {
    await reached('mail')
    console.log(`to ${job.data.user}: ${account.id} is open, ${paid.cents} cents were charged`)
  })
}

function work() {
  const queue = new JobQueue(backend)
  // Soon taken over, for the sake of the example.
  new Orchestrator(queue).define('trial', trial, { heartbeatIntervalMs: 500 })
}

/** Has a worker go on until it is in this step. */
async function until(worker, step) {
  for (;;) {
    const [where] = await once(worker, 'message')
    if (where === step) return
    worker.send('go on')
  }
}

/** Kills a worker at each step of one job, then lets one finish. */
async function run() {
  await backend.resetStorage()
  await charges.deleteMany({})
  const queue = new JobQueue(backend)
  const id = await queue.enqueue('trial', { user: 'Ada' }, { maxAttempts: 25 })
  for (const step of STEPS) {
    const worker = fork(process.argv[1], ['worker'])
    await until(worker, step)
    worker.kill('SIGKILL')
    await once(worker, 'exit')
    const recorded = (await queue.readSteps(id)).map(({ name }) => name)
    console.log(`killed in step ${step}; recorded: ${recorded.join(', ') || 'nothing'}`)
  }
  const last = fork(process.argv[1], ['worker'])
  last.on('message', () => last.send('go on'))
  while ((await queue.getStats('trial')).completed === 0)
    await new Promise((resolve) => setTimeout(resolve, 50))
  const [{ calls }] = await charges.find().toArray()
  console.log(`${await charges.countDocuments()} charge, asked for ${calls} times with one key`)
  last.kill('SIGKILL')
  await queue.shutdown()
  await backend.shutdown()
  await client.close()
}

if (process.argv[2] === 'worker') work()
else await run()
