/**
 * Jobs that come again: an app applies its list of schedules at each deploy, and any worker makes the jobs.
 *
 *     MONGO_URL='mongodb://localhost:27017/?replicaSet=rs0' node examples/schedules.mjs
 */
import { JobQueue, MongoJobQueue, previewSchedule } from 'durabl'
import { MongoClient } from 'mongodb'

const client = await MongoClient.connect(process.env.MONGO_URL ?? 'mongodb://localhost:27017/?replicaSet=rs0')
const db = client.db(process.env.MONGO_DB ?? 'durabl_examples')
const queue = new JobQueue(new MongoJobQueue({ db, collectionName: 'schedule_jobs', useChangeStreams: true }))
await queue.startup()

/** Every night at two by the clocks of Berlin, in summer and in winter. */
const nightly = { cron: '0 2 * * *', timezone: 'Europe/Berlin' }

const deploy = async (list) => {
  const { created, updated, unchanged, removed } = await queue.applySchedules('shop', list)
  console.log(`created ${created}, updated ${updated}, unchanged ${unchanged}, removed ${removed}`)
}

const report = { id: 'report', spec: nightly, job: { type: 'report', data: { kind: 'daily' } } }
const pulse = { id: 'pulse', spec: { everyMs: 1000 }, job: { type: 'pulse', data: null } }
await deploy([report, pulse])
await deploy([report, pulse])

const [next] = previewSchedule(nightly, { count: 1 })
console.log(`the next report comes at ${next.toISOString()}`)

// Three seconds of the pulse, then the report of this night at once.
let beats = 0
const beaten = new Promise((resolve) => {
  queue.process('pulse', (job) => {
    console.log(`a pulse of ${job.schedule.id}`)
    if (++beats === 3) resolve()
  })
})
await beaten

const reported = new Promise((resolve) => {
  queue.process('report', (job) => {
    console.log(`the ${job.data.kind} report, by hand`)
    resolve()
  })
})
await queue.triggerSchedule('report')
await reported

await deploy([])
await queue.shutdown()
await client.close()
