/** Job types declared once, for the whole program. Compiled on its own, as the declaration reaches everything beside it. */
import { JobQueue, DummyBackend } from 'durabl'

declare module 'durabl' {
  interface JobTypes {
    'welcome-email': { userId: string }
  }
}

const queue = new JobQueue(new DummyBackend())
await queue.enqueue('welcome-email', { userId: 'u_1' })
queue.process('welcome-email', (job) => void job.data.userId.toUpperCase())
// @ts-expect-error -- not the declared payload
await queue.enqueue('welcome-email', { user: 'u_1' })
// @ts-expect-error -- not a declared type
await queue.enqueue('welcome-mail', { userId: 'u_1' })
await queue.enqueueMany([{ type: 'welcome-email', data: { userId: 'u_1' }, options: { delay: 5 } }])
// @ts-expect-error -- not the declared payload
await queue.enqueueMany([{ type: 'welcome-email', data: { user: 'u_1' } }])
