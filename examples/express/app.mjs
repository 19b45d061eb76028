/**
 * An Express app that makes jobs, runs them and shows them on a dashboard. On SIGTERM it ends without losing one.
 *
 *     MONGO_URL='mongodb://localhost:27017/?replicaSet=rs0' ADMIN_TOKEN=secret node app.mjs
 */
import { JobQueue, MongoJobQueue } from 'durabl'
import { createDashboard } from 'durabl/dashboard'
import express from 'express'
import { MongoClient } from 'mongodb'

const client = await MongoClient.connect(process.env.MONGO_URL ?? 'mongodb://localhost:27017/?replicaSet=rs0')
const db = client.db(process.env.MONGO_DB ?? 'durabl_examples')
const queue = new JobQueue(new MongoJobQueue({ db, useChangeStreams: true }))
await queue.startup()

queue.process('welcome-email', (job) => console.log(`Welcome, ${job.data.name}!`), { concurrency: 4 })

const app = express()
app.use(express.json())

app.post('/signups', async (request, response) => {
  const { name } = request.body
  const id = await queue.enqueue('welcome-email', { name }, { dedupeKey: `welcome-email:${name}` })
  response.status(202).json({ id })
})

/** The name is admin, and the password is ADMIN_TOKEN. Without that variable all are refused. */
const isAdmin = (authorization) => {
  const { ADMIN_TOKEN } = process.env
  return Boolean(ADMIN_TOKEN) && authorization === `Basic ${btoa(`admin:${ADMIN_TOKEN}`)}`
}

const dashboard = createDashboard({
  queue,
  authorize: ({ headers }) =>
    isAdmin(headers.get('authorization'))
      ? { status: 'full' }
      : { status: 'denied', authenticate: 'Basic realm="jobs"' },
})
app.use('/admin/jobs', dashboard.node)

const server = app.listen(process.env.PORT ?? 3000, () => {
  console.log(`http://127.0.0.1:${server.address().port}`)
})

// Requests may enqueue, so they end first, within ten seconds; then the queue, and then the connection.
process.once('SIGTERM', async () => {
  const cut = setTimeout(() => server.closeAllConnections(), 10_000)
  await new Promise((resolve) => server.close(resolve))
  clearTimeout(cut)
  await queue.shutdown(15_000)
  await client.close()
})
