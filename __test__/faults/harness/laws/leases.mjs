/** The holder of a job: a lease is taken only when it has run out, and handlers overlap only then. */
import { groupBy } from '../history/jobs.mjs'
import { TOLERANCE_MS } from './tolerance.mjs'

/** Until when the lease lasted that a job had, by the servers' account. */
export function leaseEnd({ claimedAt, claimToken, attempt, lease }, visibilityTimeoutMs) {
  const isManaged = lease?.token === claimToken && lease?.attempt === attempt
  return claimedAt + (isManaged ? lease.ms : visibilityTimeoutMs)
}

export const onlyExpiredIsTaken = {
  says: 'a lease is taken from its holder only when it has run out, by what was last written of it',
  *broken({ steps, visibilityTimeoutMs }) {
    for (const step of steps.filter(({ kind }) => kind === 'recovered')) {
      const early = leaseEnd(step.before, visibilityTimeoutMs) - step.at
      if (early > TOLERANCE_MS)
        yield [`the lease on job ${step.job.id} was taken ${Math.round(early)} ms before its end`, step]
    }
  },
}

export const runsHaveClaims = {
  says: 'a handler is started once for a claim, never without one, and with the payload that the job had then',
  *broken({ runs, jobs }) {
    for (const run of runs) {
      if (!run.tenure)
        yield [`a handler of job ${run.job} was started by a claim that the servers don't know`, run]
      else if (run.from < run.tenure.from.at - TOLERANCE_MS)
        yield [`a handler of job ${run.job} was started before its claim`, run]
      else if (run.call !== undefined && run.call !== run.tenure.from.after.data?.call)
        yield [`a handler of job ${run.job} was given the payload of ${run.call}`, run, run.tenure.from]
    }
    for (const { tenures } of jobs.values())
      for (const { runs } of tenures)
        if (runs.length > 1) yield [`a claim of job ${runs[0].job} started ${runs.length} handlers`, ...runs]
  },
}

/**
 * Whether the first run's lease had run out and been taken from it before the second one's claim. The recovery of a job that is to be
 * cancelled ends it as cancelled.
 */
function hadLost(first, second, visibilityTimeoutMs) {
  const end = first.tenure?.until
  const isTaken =
    end?.kind === 'recovered' ||
    (end?.kind === 'cancelled' && leaseEnd(end.before, visibilityTimeoutMs) <= end.at + TOLERANCE_MS)
  return isTaken && second.tenure !== null && end.index < second.tenure.from.index
}

function* overlaps(runs, name, visibilityTimeoutMs) {
  const under = []
  for (const run of [...runs].sort((one, other) => one.from - other.from)) {
    for (const earlier of under.filter(({ to }) => to > run.from))
      if (!hadLost(earlier, run, visibilityTimeoutMs))
        yield [`two handlers of ${name} ran at once`, earlier, run]
    under.push(run)
    for (let at = under.length - 1; at >= 0; at -= 1) if (under[at].to <= run.from) under.splice(at, 1)
  }
}

export const noTwoAtOnce = {
  says: 'no two handlers of one job, or of one key, run at once, unless the lease of the first has run out',
  *broken({ runs, jobs, visibilityTimeoutMs }) {
    for (const [id, of] of groupBy(runs, ({ job }) => job))
      yield* overlaps(of, `job ${id}`, visibilityTimeoutMs)
    const keyOf = ({ job }) => jobs.get(job)?.key
    const keyed = runs.filter((run) => keyOf(run))
    for (const [key, of] of groupBy(keyed, keyOf)) {
      const others = [...overlaps(of, `the key ${key}`, visibilityTimeoutMs)]
      yield* others.filter(([, first, second]) => first.job !== second.job)
    }
  },
}
