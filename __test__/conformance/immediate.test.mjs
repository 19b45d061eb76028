import { ImmediateBackend } from 'durabl'
import { conformance } from './suite.mjs'

const NO_DELAY = 'a delay is ignored'
const NO_RETRY = 'a failed job is not retried inline'

/** Enqueues reject with what the handler threw; behaviours look at the job instead, by its id. */
class Enqueueing extends ImmediateBackend {
  async enqueue(type, data, options) {
    const before = this.jobs.length
    try {
      return await super.enqueue(type, data, options)
    } catch (error) {
      const made = this.jobs[before]
      if (made === undefined) throw error
      return made.id
    }
  }
}

conformance('ImmediateBackend', () => new Enqueueing(), {
  'an attempt that is tried again says why it failed, and that it was an attempt':
    'each failure is told alike',
  'a delayed job is due when its delay is over': NO_DELAY,
  'a delayed job is not claimed before its time': NO_DELAY,
  'a delayed job does not stand in the way of a due one': NO_DELAY,
  'a delayed job runs when it is due': NO_DELAY,
  'a job is due at its moment': NO_DELAY,
  'a job scheduled for later is no lag': NO_DELAY,
  'a delayed retry is not due': NO_DELAY,
  'a job is put off': NO_DELAY,
  'a failed job is retried until it succeeds': NO_RETRY,
  'a job that never succeeds fails after its last attempt': NO_RETRY,
})
