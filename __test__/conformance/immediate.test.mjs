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
const NO_SCHEDULES = 'jobs run inside enqueue, so there are no schedules'

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
  'each attempt is followed, with its fate': NO_RETRY,
  'a failed job is retried until it succeeds': NO_RETRY,
  'a job that never succeeds fails after its last attempt': NO_RETRY,
  'a schedule makes a job at each of its occurrences, which says which one it is': NO_SCHEDULES,
  'jobs of a schedule have its bounds of time, and the defaults of the queue that made it': NO_SCHEDULES,
  'a schedule is created, unchanged, updated, removed': NO_SCHEDULES,
  'a schedule is listed as it was given, with all defaults and without its payload': NO_SCHEDULES,
  'a paused schedule does not come; resumed, it goes on': NO_SCHEDULES,
  'an occurrence whose predecessor is outstanding is left out': NO_SCHEDULES,
  'an occurrence may wait behind its predecessor, and one more is left out': NO_SCHEDULES,
  'a triggered schedule makes a job now, which is no occurrence': NO_SCHEDULES,
  'an occurrence that is to be left out makes no job': NO_SCHEDULES,
  'the schedules of an owner become those of its list': NO_SCHEDULES,
  'of two that change a schedule at once, both do, one after the other': NO_SCHEDULES,
  'an id may have all characters that the database keeps': NO_SCHEDULES,
  'a schedule that has ended comes no more': NO_SCHEDULES,
})
