/** Nothing that was acknowledged is lost, nothing is made twice, and everything comes to an end. */
import { groupBy, isTerminal } from '../history/jobs.mjs'
import { surpriseOfCall } from './refusals.mjs'
import { TOLERANCE_MS } from './tolerance.mjs'

/** The fields that a job must have because its caller asked for them; the rest is the library's to choose. */
function* unlike({ created }, { type, key, scope, asked = {} }) {
  const { data, ...options } = asked
  const wanted = { type, ...(key && { dedupeKey: key, dedupeScope: scope }), ...options }
  // That is `runAt` in a job, and another law's.
  delete wanted.delay
  for (const [name, value] of Object.entries(wanted)) if (created[name] !== value) yield name
  for (const [name, value] of Object.entries(data ?? {}))
    if (created.data?.[name] !== value) yield `data.${name}`
}

/** Whether a call has removed its job, or may have. */
const mayRemove = ({ method, answer }) =>
  method === 'remove' && ['removed', 'rejected', 'none'].includes(answer)

/** Tells of the removal of a job whether a call may have asked for it. */
export function askedRemovals(calls) {
  const removals = groupBy(calls.filter(mayRemove), ({ job }) => job)
  return ({ job, at }) => removals.get(job.id)?.some(({ from }) => from <= at + TOLERANCE_MS) ?? false
}

export const acknowledgedIsKept = {
  says: 'a job that was acknowledged is there, as it was enqueued, and is removed by a call or by retention only',
  *broken({ calls, jobs, steps, settings }) {
    for (const call of calls.filter(({ answer }) => answer === 'made')) {
      const job = jobs.get(call.id)
      if (!job) yield [`job ${call.id} was acknowledged and was never there`, call]
      else if (job.created.data?.call !== call.call)
        yield [`job ${call.id} is not what ${call.call} asked for`, call]
      else
        for (const field of unlike(job, call))
          yield [`job ${call.id} has another ${field} than ${call.call} asked for`, call, job.steps[0]]
    }
    // Another law is about the conditions of retention.
    if (settings.retentionMs !== undefined) return
    const isAsked = askedRemovals(calls)
    for (const step of steps.filter(({ kind }) => kind === 'removed').filter((step) => !isAsked(step)))
      yield [`job ${step.job.id} was removed while it was ${step.before?.status}`, step]
  },
}

export const oncePerCall = {
  says: 'a call makes one job at most, also when its reply was lost',
  *broken({ jobs }) {
    // No call makes the jobs of schedules.
    const ofCalls = [...jobs.values()].filter(({ created }) => !created.schedule)
    const made = groupBy(ofCalls, (job) => job.created.data?.call)
    for (const [call, of] of made)
      if (of.length > 1) yield [`${call} made ${of.length} jobs`, of.map(({ id }) => id)]
  },
}

export const everythingEnds = {
  says: 'once all is well again, every job ends, and no key stays held',
  *broken({ jobs }) {
    for (const { id, key, state } of jobs.values())
      if (!isTerminal(state.status) && state.status !== 'removed')
        yield [`job ${id} is still ${state.status}${key ? ` and holds the key ${key}` : ''}`, state]
  },
}

export const latestIsKept = {
  says: 'a payload that is handed to the pending job of its key is there when the call is answered, or a newer one is',
  *broken({ calls, steps, jobs }) {
    const handed = new Set(steps.map(({ after }) => after.data?.call))
    for (const job of jobs.values()) handed.add(job.created.data?.call)
    const coalescing = calls.filter(({ coalesce }) => coalesce)
    const ofKey = groupBy(coalescing, ({ by, type, key }) => [by, type, key].join())
    // The calls overlap: then the other may count as the newer one, and there was no moment at which this one had to be seen.
    const isNewerThan = (call) => (other) =>
      (other.to ?? Infinity) >= call.from && other.from <= call.to && handed.has(other.call)
    for (const call of coalescing.filter(({ answer }) => answer === 'held')) {
      const others = ofKey.get([call.by, call.type, call.key].join())
      if (!handed.has(call.call) && !others.some(isNewerThan(call)))
        yield [`the payload of ${call.call} was to replace that of its key's pending job, and did not`, call]
    }
  },
}

export const callsAreAnswered = {
  says: 'a call is answered, and refused only for what was done to servers or network, after the wait that is promised',
  *broken({ calls, ends, ...story }) {
    const gone = new Set(ends.filter(({ fate }) => fate === 'killed').map(({ by }) => by))
    for (const call of calls) {
      if (call.answer === 'none' && !gone.has(call.by)) yield [`${call.call} was never answered`, call]
      const why = call.answer === 'rejected' ? surpriseOfCall(call, story) : null
      if (why !== null) yield [`${call.call} was refused: ${call.code}, ${call.message}; ${why}`, call]
    }
  },
}
