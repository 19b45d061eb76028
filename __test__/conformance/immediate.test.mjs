import { ImmediateBackend } from 'durabl'
import { conformance } from './suite.mjs'

const NO_DELAY = 'a delay is ignored'
const INLINE = 'a job runs when it is enqueued'
const NO_RETRY = 'a failed job is not retried inline'

conformance('ImmediateBackend', () => new ImmediateBackend(), {
  'a delayed job is due when its delay is over': NO_DELAY,
  'a delayed job is not claimed before its time': NO_DELAY,
  'a delayed job does not stand in the way of a due one': NO_DELAY,
  'a delayed job runs when it is due': NO_DELAY,
  'a job scheduled for later is no lag': NO_DELAY,
  'no more jobs run at once than concurrency says, and no fewer': INLINE,
  'a failed job is retried until it succeeds': NO_RETRY,
  'a job that never succeeds fails after its last attempt': NO_RETRY,
})
