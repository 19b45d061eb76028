/**
 * A Fastify app that makes jobs, runs them and shows them on a dashboard. On SIGTERM it ends without losing one.
 *
 *     MONGO_URL='mongodb://localhost:27017/?replicaSet=rs0' ADMIN_TOKEN=secret node app.mjs
 */
import { JobQueue, MongoJobQueue } from 'durabl'
import { createDashboard } from 'durabl/dashboard'
import createApp from 'fastify'
import { MongoClient } from 'mongodb'

const client = await MongoClient.connect(process.env.MONGO_URL ?? 'mongodb://localhost:27017/?replicaSet=rs0')
const db = client.db(process.env.MONGO_DB ?? 'durabl_examples')
const queue = new JobQueue(new MongoJobQueue({ db, useChangeStreams: true }))

queue.process('welcome-email', (job) => console.log(`Welcome, ${job.data.name}!`), { concurrency: 4 })

const app = createApp()
app.addHook('onReady', () => queue.startup())
app.addHook('onClose', async () => {
  await queue.shutdown(15_000)
  await client.close()
})

app.post('/signups', async (request, reply) => {
  const { name } = request.body
  const id = await queue.enqueue('welcome-email', { name }, { dedupeKey: `welcome-email:${name}` })
  return reply.code(202).send({ id })
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
app.all('/admin/jobs', (request, reply) => dashboard.node(request, reply))

// Requests may enqueue, so they end first, within ten seconds; then `onClose` ends the queue and the connection.
process.once('SIGTERM', () => {
  setTimeout(() => app.server.closeAllConnections(), 10_000).unref()
  app.close()
})
console.log(await app.listen({ port: process.env.PORT ?? 3000, host: '127.0.0.1' }))
