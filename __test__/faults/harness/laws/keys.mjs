/** The number of jobs that a key may have, at every moment that the servers know. */
import { TOLERANCE_MS } from './tolerance.mjs'

const ROOM = {
  pending: ({ pending, active }) => pending <= 1 && active <= 1,
  'pending+active': ({ pending, active }) => pending + active <= 1,
}

/** The servers' steps of jobs with keys, each with how many jobs of its key there are after it. */
function* counted(steps) {
  const counts = new Map()
  for (const step of steps) {
    const { job, before, after } = step
    if (!job.key) continue
    const count = counts.get(job.key) ?? { pending: 0, active: 0 }
    counts.set(job.key, count)
    if (before?.status in count) count[before.status] -= 1
    if (after.status in count) count[after.status] += 1
    yield [step, count]
  }
}

export const keysHoldOne = {
  says: 'at most one active and one pending job have a key of scope pending; at most one of both, one of scope pending+active',
  *broken({ steps }) {
    for (const [step, count] of counted(steps)) {
      const { job, before, after } = step
      if (before?.status !== after.status && after.status in count && !ROOM[job.created.dedupeScope](count))
        yield [`the key ${job.key} has ${count.pending} pending and ${count.active} active jobs`, step]
    }
  },
}

/** From when on a follower may have made this verdict: the end of the run, or its beginning if the run told no end. */
function decidableFrom(step) {
  const tenure = step.job.tenures.find(({ until }) => until === step)
  const end = tenure?.runs.at(-1)?.to ?? Infinity
  return (end === Infinity ? (tenure?.from.at ?? step.at) : end) - TOLERANCE_MS
}

export const followersCover = {
  says: 'a job is superseded only if another waited for its key after its handler had ended',
  *broken({ steps }) {
    const ended = ({ before, after }) => after.status === 'superseded' && before?.status !== 'superseded'
    // The follower may be cancelled or removed between the refusal of the retry and the verdict that follows it.
    const lastWaitedAt = new Map()
    for (const [step, { pending }] of counted(steps)) {
      const { job, before, at } = step
      if (pending > 0 || before?.status === 'pending') lastWaitedAt.set(job.key, at)
      if (ended(step) && pending === 0 && !(lastWaitedAt.get(job.key) >= decidableFrom(step)))
        yield [`job ${job.id} was superseded, and no follower waited for the key ${job.key}`, step]
    }
    for (const step of steps)
      if (ended(step) && !step.job.key) yield [`job ${step.job.id} was superseded, and has no key`, step]
  },
}
