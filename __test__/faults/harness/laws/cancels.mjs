/** Laws of cancelling: each call does what it says, nothing is undone by it, and a running job keeps its key until it has ended. */
import { groupBy, isTerminal } from '../history/jobs.mjs'
import { leaseEnd } from './leases.mjs'
import { endingIn } from './settlements.mjs'
import { TOLERANCE_MS } from './tolerance.mjs'

const isCancel = ({ method }) => method === 'cancel'

const isMarked = (state) => state?.cancelRequestedAt !== undefined && state.cancelRequestedAt !== null

/** Whether a step came about while a call was under way. */
const during = ({ at }, { from, to }) => at >= from - TOLERANCE_MS && at <= to + TOLERANCE_MS

/** The step that a call says to have made, by its answer. */
const MADE = {
  cancelled: ({ kind, before }) => kind === 'cancelled' && before.status === 'pending',
  // The first mark stays, so another call may have made it.
  requested: ({ before, after }) => after.status === 'active' && isMarked(after) && !isMarked(before),
}

export const cancelsAreMade = {
  says: 'a call that says to have cancelled a job has, and a job is cancelled only if a call has asked for it since it began',
  *broken({ jobs, calls }) {
    const cancels = groupBy(calls.filter(isCancel), ({ job }) => job)
    for (const [id, asked] of cancels)
      for (const call of asked.filter(({ answer }) => answer in MADE)) {
        const made = jobs.get(id)?.steps.filter(MADE[call.answer]) ?? []
        const isMade = made.some((step) =>
          call.answer === 'cancelled' ? during(step, call) : step.at <= call.to + TOLERANCE_MS,
        )
        if (!isMade) yield [`${call.call} was told that job ${id} is ${call.answer}, and it is not`, call]
      }
    for (const { id, steps } of jobs.values()) {
      let began = -Infinity
      for (const step of steps) {
        if (step.kind === 'restarted') began = step.at
        if (step.kind !== 'cancelled') continue
        const isAsked = cancels
          .get(id)
          ?.some(({ from, to }) => from <= step.at + TOLERANCE_MS && to >= began - TOLERANCE_MS)
        if (!isAsked) yield [`job ${id} was cancelled, and no call had asked for it`, step]
      }
    }
  },
}

export const cancelsLast = {
  says: 'a job that was asked to be cancelled while it ran ends so, and neither completes nor runs again; one that has ended is not cancelled',
  *broken({ steps }) {
    for (const step of steps.filter(({ kind }) => kind !== 'removed' && kind !== 'restarted')) {
      const { job, kind, before, after } = step
      if (isMarked(after) && after.status === 'pending')
        yield [`job ${job.id} waits, and was to be cancelled`, step]
      if (isMarked(before) && before.status === 'active' && after.status !== 'active' && kind !== 'cancelled')
        yield [`job ${job.id} was to be cancelled, and was ${kind}`, step]
      const hadEnded = before !== null && isTerminal(before.status) && before.ending !== 'cancelled'
      if (hadEnded && after.ending === 'cancelled')
        yield [`job ${job.id} had ended as ${before.status}, and was cancelled`, step]
    }
  },
}

export const keysOutliveCancels = {
  says: 'a running job that is cancelled keeps its key until its handler has ended or its lease has run out',
  *broken({ jobs, endings, visibilityTimeoutMs }) {
    const ending = endingIn(endings)
    for (const { id, tenures } of jobs.values())
      for (const { until, runs } of tenures) {
        const [run] = runs
        if (until?.kind !== 'cancelled' || !run || run.to <= until.at + TOLERANCE_MS) continue
        // A process that is asked to end gives back what it still holds.
        if ((ending.get(run.by) ?? Infinity) <= until.at + TOLERANCE_MS) continue
        const early = leaseEnd(until.before, visibilityTimeoutMs) - until.at
        if (early > TOLERANCE_MS)
          yield [
            `job ${id} was cancelled while its handler ran, ${Math.round(early)} ms before the end of its lease`,
            until,
            run,
          ]
      }
  },
}
