/**
 * Whether the answers about keys are linearizable. That is so if all calls about a key, and all steps of the servers on its jobs, fit into
 * one order. It agrees with real time, and every answer in it is right.
 *
 * The servers' steps are in order already, so it remains to find a place between them for each call that made nothing. A call fits into a
 * place if the key was then as its answer says: held, by the sequential rule of its scope. The answer of a call that only looks is a job or
 * none. Also, the step before may have happened before the call's end, and the step after it after the call's beginning.
 *
 * Calls that came one after the other in real time must find places in that order. The first possible place of each call leaves the most room
 * for the others; if that choice fails, every other fails.
 */
import { groupBy } from '../history/jobs.mjs'
import { TOLERANCE_MS } from './tolerance.mjs'

/** The sequential rule: when a call finds the key held, and so makes nothing. */
const IS_HELD = {
  'pending+active': ({ pending, active }) => pending + active > 0,
  pending: ({ pending }) => pending > 0,
}

/** Whether there is a job under the key at all, as the calls that only look were told. */
const SEEN = {
  seen: ({ pending, active }) => pending + active > 0,
  'not seen': ({ pending, active }) => pending + active === 0,
}

/** The states of a key, each with the earliest moment at which it can have begun and the latest at which it can have ended. */
function statesOf(steps, answeredAt) {
  const count = { pending: 0, active: 0 }
  const states = [{ ...count, begins: -Infinity, ends: Infinity }]
  for (const step of steps) {
    const { before, after, at, job, kind } = step
    if (before?.status === after.status) continue
    if (before?.status in count) count[before.status] -= 1
    if (after.status in count) count[after.status] += 1
    // It is done by the time that anybody tells of it.
    const known = Math.min(
      knownAt(step),
      kind.startsWith('enqueued') ? (answeredAt.get(job.id) ?? Infinity) : Infinity,
    )
    states.at(-1).ends = known
    states.push({ ...count, begins: Math.max(states.at(-1).begins, at - TOLERANCE_MS), ends: Infinity })
  }
  for (let n = states.length - 2; n >= 0; n -= 1)
    states[n].ends = Math.min(states[n].ends, states[n + 1].ends)
  return states
}

/** When the first process told of this step of a job, by starting a handler or by telling of an end; infinity if none did. */
function knownAt(step) {
  const { tenures } = step.job
  const begun = tenures.find(({ from }) => from === step)?.runs[0]?.from ?? Infinity
  const told = tenures.find(({ until }) => until === step)?.runs[0]?.told ?? []
  const ended = told.find(({ outcome }) => outcome === step.kind)?.at ?? Infinity
  return Math.min(begun, ended)
}

const SAYS = { held: 'held', seen: 'held', 'not seen': 'free' }

/**
 * A look reads from the primary as it is. A new primary may take that state back, or not have it yet. So a look is promised to be true only
 * while no server is being replaced, and not before clients have noticed.
 */
const NOTICED_MS = 15_000

function isSteady({ from, to }, faults) {
  const ofServers = faults.filter(({ target }) => /server/.test(target ?? ''))
  return !ofServers.some(({ at, until }) => at < to && from < (until ?? Infinity) + NOTICED_MS)
}

function* misplaced(key, calls, states) {
  const placed = []
  for (const call of [...calls].sort((one, other) => one.from - other.from)) {
    const least = Math.max(0, ...placed.filter(({ to }) => to < call.from).map(({ place }) => place))
    const isSo = SEEN[call.answer] ?? IS_HELD[call.scope]
    const fits = (state, place) =>
      place >= least && isSo(state) && state.begins <= call.to && state.ends >= call.from
    const place = states.findIndex(fits)
    if (place < 0)
      yield [`${call.call} was told that the key ${key} is ${SAYS[call.answer]}, and it was not`, call]
    else placed.push({ to: call.to, place })
  }
}

export const keyAnswersAreTrue = {
  says: 'answers about a key are linearizable: null only while it is held, an id only for a job that was made by the call, and looks see what there is',
  *broken({ calls, steps, jobs, faults }) {
    const answeredAt = new Map(calls.filter(({ answer }) => answer === 'made').map(({ id, to }) => [id, to]))
    const stepsOf = groupBy(
      steps.filter(({ job }) => job.key),
      ({ job }) => job.key,
    )
    const makers = new Set([...jobs.values()].map(({ created }) => created.data?.call))
    const held = calls.filter(({ answer, key }) => answer === 'held' && key)
    // claimOrEnqueue leaves a follower behind who is active, and has no claim to give: then the follower is its own.
    const leftFollower = ({ call, method, scope }) =>
      method === 'claimOrEnqueue' && scope === 'pending' && makers.has(call)
    for (const call of held)
      if (makers.has(call.call) && !leftFollower(call))
        yield [`${call.call} made a job and was told that its key is held`, call]
    const nothings = held.filter((call) => !makers.has(call.call))
    const looks = calls.filter((call) => call.answer in SEEN && isSteady(call, faults))
    for (const [key, of] of groupBy([...nothings, ...looks], ({ key, scope }) => `${scope} ${key}`))
      yield* misplaced(key, of, statesOf(stepsOf.get(key) ?? [], answeredAt))
    for (const call of calls.filter(({ answer }) => answer === 'made')) {
      const made = jobs.get(call.id)?.steps[0]
      if (made && (made.at < call.from - TOLERANCE_MS || made.at > call.to + TOLERANCE_MS))
        yield [`job ${call.id} was not made while ${call.call} was under way`, made, call]
    }
  },
}
