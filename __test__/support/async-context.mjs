/** An app that enters a store in its handler and never leaves it, as agents and middlewares do. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { JobQueue } from 'durabl'
import { silentLogger } from './loggers.mjs'

/**
 * Runs jobs of two types, one of which enters a store, and tells what each handler and listener saw.
 *
 * @param backend started
 * @param jobs how many of each type
 * @returns the stores that were `seen`, by who saw them, each once
 */
export async function storesSeen(backend, jobs = 3) {
  const storage = new AsyncLocalStorage()
  const seen = { enters: new Set(), reads: new Set(), event: new Set(), log: new Set() }
  const note = (where) => seen[where].add(storage.getStore())
  const error = () => {
    note('log')
    storage.enterWith('left by the logger')
  }
  const logger = { ...silentLogger, error }
  const queue = storage.run('queue', () => {
    const onJobEvent = () => {
      note('event')
      storage.enterWith('left by the listener')
    }
    return new JobQueue(backend, logger, { onJobEvent })
  })
  let left = 2 * jobs
  await new Promise((resolve) => {
    const ended = () => (left -= 1) === 0 && resolve()
    storage.run('enters', () =>
      queue.process('enters', async (job) => {
        note('enters')
        storage.enterWith(`left by ${job.id}`)
        await null
        ended()
      }),
    )
    storage.run('reads', () =>
      queue.process('reads', () => {
        note('reads')
        ended()
        throw new Error('of which the logger hears')
      }),
    )
    storage.run('producer', async () => {
      const enqueue = (type) => queue.enqueue(type, {}, { maxAttempts: 1 })
      for (let i = 0; i < jobs; i += 1) {
        await enqueue('enters')
        // Inline, it rejects with what the handler threw.
        await Promise.allSettled([enqueue('reads')])
      }
    })
  })
  await queue.shutdown()
  return Object.fromEntries(Object.entries(seen).map(([where, stores]) => [where, [...stores]]))
}

/** As it must be: each in the context in which the app handed its function over. */
export const ISOLATED = { enters: ['enters'], reads: ['reads'], event: ['queue'], log: ['queue'] }
