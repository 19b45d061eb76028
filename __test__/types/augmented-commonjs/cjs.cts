/** Job types declared once, for a program of CommonJS modules; see `augmented` for one of ES modules. */
import durabl = require('durabl')

declare module 'durabl' {
  interface JobTypes {
    'welcome-email': { userId: string }
  }
}

async function main(): Promise<void> {
  const queue = new durabl.JobQueue(new durabl.DummyBackend())
  await queue.enqueue('welcome-email', { userId: 'u_1' })
  queue.process('welcome-email', (job) => void job.data.userId.toUpperCase())
  // @ts-expect-error -- not the declared payload
  await queue.enqueue('welcome-email', { user: 'u_1' })
  // @ts-expect-error -- not a declared type
  await durabl.getDefaultQueue().enqueue('welcome-mail', { userId: 'u_1' })
}

void main()
