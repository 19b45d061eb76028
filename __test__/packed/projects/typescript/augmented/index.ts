/** Job types for the whole program, by declaration merging. Compiled, never run. */
import { DummyBackend, JobQueue, getDefaultQueue } from 'durabl'

declare module 'durabl' {
  interface JobTypes {
    greet: { name: string }
  }
}

export async function greetings(): Promise<void> {
  const queue = new JobQueue(new DummyBackend())
  await queue.enqueue('greet', { name: 'Ada' })
  queue.process('greet', (job) => void job.data.name.toUpperCase())
  // @ts-expect-error -- not the declared payload
  await queue.enqueue('greet', { user: 'Ada' })
  // @ts-expect-error -- not a declared type
  await getDefaultQueue().enqueue('great', { name: 'Ada' })
}
