/** Laws of steering: a change is made as often as operators are told, and by nothing else. */
import { groupBy } from '../history/jobs.mjs'
import { TOLERANCE_MS } from './tolerance.mjs'

/**
 * Whether a call may have made a change that its answer does not tell. The proof of a change whose reply was lost goes with the job. So if
 * another call has removed the job since, a call that looks for the proof is told that there is no such job.
 */
function isUnknown({ answer, to }, steps) {
  if (answer === 'not-found')
    return steps.some(({ kind, at }) => kind === 'removed' && at <= to + TOLERANCE_MS)
  return answer === 'rejected' || answer === 'none'
}

function* miscounted({ id, steps }, calls) {
  const restarts = steps.filter(({ kind }) => kind === 'restarted')
  const told = calls.filter(({ answer }) => answer === 'retried').length
  const unknown = calls.filter((call) => isUnknown(call, steps)).length
  if (restarts.length < told || restarts.length > told + unknown)
    yield [`job ${id} was retried by ${told} calls, and began again ${restarts.length} times`, ...restarts]
  const isAsked = ({ at }) =>
    calls.some(
      ({ from, to, answer }) =>
        from <= at + TOLERANCE_MS && (answer !== 'retried' || at <= to + TOLERANCE_MS),
    )
  for (const step of restarts.filter((step) => !isAsked(step)))
    yield [`job ${id} began again, and no call had asked for it`, step]
}

export const retriesAreMade = {
  says: 'a job that has ended begins again once for each retry, and at no other time',
  *broken({ jobs, calls }) {
    const retries = groupBy(
      calls.filter(({ method }) => method === 'retry'),
      ({ job }) => job,
    )
    for (const job of jobs.values()) yield* miscounted(job, retries.get(job.id) ?? [])
  },
}

export const removedIsGone = {
  says: 'a job that a call has removed is gone, and never comes back',
  *broken({ jobs, calls }) {
    for (const { id, steps } of jobs.values()) {
      const removed = steps.findIndex(({ kind }) => kind === 'removed')
      if (removed !== -1 && removed < steps.length - 1)
        yield [`job ${id} was removed and came back`, steps[removed], steps[removed + 1]]
    }
    for (const call of calls.filter(({ answer }) => answer === 'removed'))
      if (
        !jobs.get(call.job)?.steps.some(({ kind, at }) => kind === 'removed' && at <= call.to + TOLERANCE_MS)
      )
        yield [`job ${call.job} was told to be removed, and was not`, call]
  },
}
