/** The steps that a job may take on the servers, and the sum of its attempts. */
import { isTerminal } from '../history/jobs.mjs'
import { TOLERANCE_MS } from './tolerance.mjs'

/** By how much each step moves the count of attempts. */
const MOVES = {
  ...{ enqueued: 0, 'enqueued and claimed': 1 },
  ...{ claimed: 1, renewed: 0, touched: 0, completed: 0, retried: 0, released: -1 },
  ...{ failed: 0, superseded: 0, recovered: 0, cancelled: 0 },
}

/** When a job ended, as it says itself. */
const endOf = ({ completedAt, failedAt }) => completedAt ?? failedAt

export const legalSteps = {
  says: 'a job takes no step that the picture of its life does not have, and none once it has ended, but to begin again or to be removed',
  *broken({ steps }) {
    // Removals are another law's.
    for (const step of steps.filter(({ kind }) => kind !== 'removed')) {
      const { job, kind, before, after } = step
      if (kind === 'changed' || kind === 'taken over')
        yield [`job ${job.id} went from ${before?.status} to ${after.status}, ${kind}`, step]
      else if (kind === 'restarted' || kind === 'removed') continue
      else if (before && isTerminal(before.status) && after.status !== before.status)
        yield [`job ${job.id} had ended as ${before.status} and became ${after.status}`, step]
      else if (before && isTerminal(before.status) && endOf(after) !== endOf(before))
        yield [`job ${job.id} had ended as ${before.status}, and was ended once more`, step]
    }
  },
}

export const attemptsAddUp = {
  says: 'a claim counts one attempt, a release gives it back, nothing else moves the count, and no claim goes past the most',
  *broken({ steps }) {
    for (const step of steps.filter(({ kind, after }) => kind === 'restarted' && after.attempt !== 0))
      yield [`job ${step.job.id} began again at attempt ${step.after.attempt}`, step]
    for (const step of steps.filter(({ kind }) => kind in MOVES)) {
      const { job, kind, before, after } = step
      const moved = (after.attempt ?? 0) - (before?.attempt ?? 0)
      if (moved !== MOVES[kind]) yield [`job ${job.id} was ${kind}: its attempts moved by ${moved}`, step]
      if (kind === 'claimed' && after.attempt > after.maxAttempts)
        yield [`job ${job.id} was claimed for attempt ${after.attempt} of ${after.maxAttempts}`, step]
    }
  },
}

export const noRetryIsLost = {
  says: 'a failure with attempts left is tried again after its back-off; only a fatal one, the last one or a cancelled job is final',
  *broken({ steps }) {
    for (const step of steps) {
      const { job, kind, before, after } = step
      const hadLeft = before !== null && before.attempt < before.maxAttempts
      const isFinal = after.status === 'failed' && before?.status !== 'failed'
      const [run] = job.tenures.find(({ until }) => until === step)?.runs ?? []
      if (isFinal && kind !== 'cancelled' && hadLeft && run?.outcome !== 'fatal')
        yield [`job ${job.id} failed for good on attempt ${before.attempt} of ${before.maxAttempts}`, step]
      if (kind !== 'retried') continue
      if (!hadLeft) yield [`job ${job.id} was to run again after its last attempt`, step]
      if (run && after.runAt < run.to + after.backoffDelay - TOLERANCE_MS)
        yield [`job ${job.id} was to run again sooner than its back-off allows`, step]
    }
  },
}
