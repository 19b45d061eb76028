/** A process that makes calls comes to an end with them, and with the jobs that it runs by hand. */
import { surprise } from './refusals.mjs'

/** The errors that the handlers of the harness throw. */
const THROWN = ['it was to go wrong', 'it was to fail for good']

/** Whether a call has asked by then for the end of the job that the error names: the one that was claimed, or a follower. */
const isCancelled = ({ message }, { to }, { calls }) =>
  calls.some(
    ({ method, job, from }) =>
      method === 'cancel' && message.startsWith(`job ${job} was cancelled`) && from <= to,
  )

/** Whether the lease was really lost is another law's. */
const isExpected = (error, during, story) =>
  THROWN.includes(error.message) ||
  error.code === 'ERR_DURABL_LEASE_LOST' ||
  (error.code === 'ERR_DURABL_CANCELLED' && isCancelled(error, during, story)) ||
  surprise(error, during, story) === null

export const callersEnd = {
  says: 'who makes calls comes to an end with them, and with the jobs that it runs by hand, unless it is killed',
  *broken({ productions, ...story }) {
    for (const { by, end, over, handles, isKilled } of productions) {
      for (const handle of handles) {
        const isOver = handle.over !== null && handle.over.at <= over
        if (!isOver && !isKilled) yield [`the run of job ${handle.job} by ${by} never ended`, handle]
        const during = { by, from: handle.at, to: handle.over?.at }
        for (const error of handle.over?.errors ?? [])
          if (!isExpected(error, during, story))
            yield [`the run of job ${handle.job} ended with ${error.message}`, handle]
      }
      if (isKilled) continue
      if (end === null) yield [`${by} never came to an end with its calls`]
      else if (end.kind === 'call-failed') yield [`${by} gave its calls up: ${end.message}`, end]
    }
  },
}
