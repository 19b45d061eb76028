/**
 * An Agenda app, ported to durabl. Definitions become processors, `now` and `schedule` become `enqueue`, and
 * `unique` becomes a dedupe key. `every` becomes a schedule, and `job.run()` a job of the schedule that is made by hand.
 *
 *     MONGO_URL='mongodb://localhost:27017/?replicaSet=rs0' node examples/migrating/from-agenda.mjs
 */
import { JobQueue, MongoJobQueue } from 'durabl'
import { MongoClient } from 'mongodb'

const client = await MongoClient.connect(process.env.MONGO_URL ?? 'mongodb://localhost:27017/?replicaSet=rs0')
const db = client.db(process.env.MONGO_DB ?? 'durabl_examples')

// A collection of its own: Agenda's documents are of another shape.
const backend = new MongoJobQueue({ db, collectionName: 'from_agenda_jobs', useChangeStreams: true })
await backend.startup()
const queue = new JobQueue(backend)

// agenda.define('send invoice', { concurrency: 5 }, async (job) => { … job.attrs.data … })
const sent = []
const allSent = new Promise((resolve) => {
  queue.process(
    'send invoice',
    async (job) => {
      console.log(`invoice for order ${job.data.orderId}`)
      if (sent.push(job.data.orderId) === 3) resolve()
    },
    { concurrency: 5 },
  )
})

// agenda.now('send invoice', { orderId: 1 })
await queue.enqueue('send invoice', { orderId: 1 })

// agenda.schedule('in half a second', 'send invoice', { orderId: 2 })
await queue.enqueue('send invoice', { orderId: 2 }, { delay: 500 })

// agenda.create('send invoice', { orderId: 3 }).unique({ 'data.orderId': 3 }).priority('high').save()
const invoice = () =>
  queue.enqueue('send invoice', { orderId: 3 }, { dedupeKey: 'invoice:3', priority: -10, delay: 300 })
console.log((await invoice()) === null ? 'no job' : 'a job')
console.log((await invoice()) === null ? 'no job, one is waiting' : 'a second job')

// agenda.every('1 second', 'report')
await queue.schedule('report', { everyMs: 1000 }, { type: 'report', data: {} })
let reports = 0
const reported = new Promise((resolve) => {
  queue.process('report', (job) => {
    // A job that was made by hand is no occurrence.
    if (job.schedule === undefined) return console.log('a report by hand')
    const late = Date.now() - job.schedule.occurrenceAt.getTime()
    console.log(`report ${++reports}, ${late < 500 ? 'on time' : `${late} ms late`}`)
    if (reports === 2) resolve()
  })
})
// `every` ran at once, too; a schedule waits for its first occurrence. This is job.run().
await queue.triggerSchedule('report')
await Promise.all([reported, allSent])
console.log(`invoices: ${sent.sort().join()}`)

// agenda.cancel({ name: 'report' })
console.log(`the schedule: ${(await queue.unschedule('report')).status}`)
await queue.shutdown()
await client.close()
