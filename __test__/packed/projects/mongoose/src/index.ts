import mongoose from 'mongoose'
import { JobQueue, MongoChangeStreamWatcher, MongoJobQueue } from 'durabl'

const { db } = mongoose.connection
if (!db) throw new Error('not connected')
const Letter = mongoose.model('Letter', new mongoose.Schema({ to: String }))

const backend = new MongoJobQueue({ db, useChangeStreams: true })
const queue = new JobQueue<{ letter: { to: string } }>(backend)
await queue.startup() // creates the indexes, without which no dedupe key or schedule is safe

export async function send(to: string) {
  const session = await mongoose.startSession()
  await session.withTransaction(async () => {
    await Letter.create([{ to }], { session })
    await queue.enqueue('letter', { to }, { session })
    await queue.enqueueMany([{ type: 'letter', data: { to } }], { session })
  })
}

queue.process('letter', async (job, ctx) => {
  await ctx.transaction(async (session: mongoose.ClientSession) => {
    await Letter.create([{ to: job.data.to }], { session })
  })
  await Letter.findOne({ to: job.data.to }).session(await ctx.session())
})

const jobs = backend.getCollection<mongoose.mongo.Collection>()
export const left = await jobs.countDocuments({ status: 'pending' })
export const watcher = new MongoChangeStreamWatcher(jobs, db)
