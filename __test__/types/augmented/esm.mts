/** Job types declared once, for the whole program. Compiled on its own, as the declaration reaches everything beside it. */
import { DummyBackend, JobQueue, createJobQueue, getDefaultQueue, withGlobalQueue } from 'durabl'

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
// @ts-expect-error -- the payload is known to the handler too
queue.process('welcome-email', (job) => void job.data.user)

// Every queue of the program has it.
await getDefaultQueue().enqueue('welcome-email', { userId: 'u_1' })
// @ts-expect-error -- not a declared type
await createJobQueue().enqueue('welcome-mail', { userId: 'u_1' })
// @ts-expect-error -- not the declared payload
await withGlobalQueue(new DummyBackend(), (global) => global.enqueue('welcome-email', {}))
// A queue with a map of its own has that one instead.
await new JobQueue<{ tick: number }>(new DummyBackend()).enqueue('tick', 1)
