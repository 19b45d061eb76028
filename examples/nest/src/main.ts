/**
 * A Nest app that makes jobs, runs them and shows them on a dashboard. On SIGTERM it ends without losing one.
 *
 *     MONGO_URL='mongodb://localhost:27017/?replicaSet=rs0' ADMIN_TOKEN=secret npm start
 */
import 'reflect-metadata'
import { Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { JobQueue } from 'durabl'
import { createDashboard } from 'durabl/dashboard'
import { LettersModule } from './letters.module.js'
import { QueueModule } from './queue.module.js'

@Module({ imports: [QueueModule, LettersModule] })
class App {}

const app = await NestFactory.create(App, { logger: false, forceCloseConnections: true })
app.enableShutdownHooks()

/** The name is admin, and the password is ADMIN_TOKEN. Without that variable all are refused. */
const isAdmin = (authorization: string | null) => {
  const { ADMIN_TOKEN } = process.env
  return Boolean(ADMIN_TOKEN) && authorization === `Basic ${btoa(`admin:${ADMIN_TOKEN}`)}`
}

const dashboard = createDashboard({
  queue: app.get(JobQueue),
  authorize: ({ headers }) =>
    isAdmin(headers.get('authorization'))
      ? { status: 'full' }
      : { status: 'denied', authenticate: 'Basic realm="jobs"' },
})
app.use('/admin/jobs', dashboard.node)

await app.listen(process.env.PORT ?? 3000, '127.0.0.1')
console.log(await app.getUrl())
