/** The orchestrations of the fault tests: steps, transactions and a sleep, each of which tells when it begins and when it is answered. */
import { letPass } from '../time.mjs'

let runs = 0

export const ORCHESTRATIONS = { trial, flaky }

/** A step whose first tries fail, as the ledger counts them, each with a wait for the next one. */
function flaky({ failures, retry }, { tell, db }) {
  return async (job, octx) => {
    const run = async () => {
      await db.collection('ledger').insertOne({ job: job.id })
      const tries = await db.collection('ledger').countDocuments({ job: job.id })
      tell('tried', { job: job.id, tries })
      if (tries <= failures) throw new Error('not yet')
    }
    await octx.step('flaky', run, { retry })
    tell('returned', { job: job.id })
  }
}

/** The result of a step: of so many characters, and like that of no other step. */
export const resultOf = (job, name, length) => `${job}:${name}:`.padEnd(length, 'x')

/**
 * @param options.ms how long each step works
 * @param options.napMs how long the sleep is
 * @param options.length of the results of steps, in characters; none by default
 */
function trial({ ms, napMs, length = 0 }, { tell, db }) {
  return async (job, octx) => {
    runs += 1
    const about = { job: job.id, run: `${process.pid}-${runs}` }
    tell('body-began', about)
    const work = async (name) => {
      tell('step-began', { ...about, name })
      await letPass(ms, 'work')
    }
    const step = async (name) => {
      const result = await octx.step(name, async () => {
        await work(name)
        return length > 0 ? resultOf(job.id, name, length) : undefined
      })
      const isWhole = length === 0 || result === resultOf(job.id, name, length)
      tell('step-answered', { ...about, name, isWhole })
    }
    const book = async (name) => {
      await octx.transaction(name, async (session) => {
        await db.collection('ledger').insertOne({ job: job.id, name }, { session })
        await work(name)
      })
      tell('step-answered', { ...about, name })
    }
    await step('one')
    await book('book')
    await octx.sleep('nap', napMs)
    tell('woke', { ...about, wall: Date.now() })
    await Promise.all(['left', 'right'].map(step))
    await book('book again')
    tell('returned', about)
  }
}
