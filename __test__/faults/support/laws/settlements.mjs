/** Only the holder of the last lease settles a job, by how its handler ended; and what a process is told of it is true. */
import { isTerminal } from '../history/jobs.mjs'
import { TOLERANCE_MS } from './tolerance.mjs'

/** How a handler must have ended for each settlement. */
const CAUSES = {
  completed: ['returned'],
  retried: ['threw'],
  failed: ['threw', 'fatal'],
}

export const settledByHolder = {
  says: 'a job is settled only after the handler of its last claim has ended, and as that handler ended',
  *broken({ jobs }) {
    for (const { id, tenures } of jobs.values())
      for (const { until, runs } of tenures) {
        const causes = CAUSES[until?.kind]
        if (!causes) continue
        const [run] = runs
        if (!run) yield [`job ${id} was ${until.kind}, and its holder had not started a handler`, until]
        else if (run.to > until.at + TOLERANCE_MS)
          yield [`job ${id} was ${until.kind} while the handler of its holder was running`, until, run]
        else if (!causes.includes(run.outcome))
          yield [`job ${id} was ${until.kind}, and the handler of its holder had ${run.outcome}`, until, run]
      }
  },
}

/** What the servers made of a claim that its process was told to have lost. */
const NOT_LOST = ['completed', 'retried', 'failed']

export const resultsAreTrue = {
  says: 'what a process is told of its settlement is what the servers have',
  *broken({ runs }) {
    for (const run of runs)
      for (const { outcome, at } of run.told) {
        const until = run.tenure?.until
        // An end is an end, whoever wrote it: a reaper that comes after a last attempt writes the same as its holder would.
        const isSo = until?.kind === outcome || (isTerminal(outcome) && until?.after.status === outcome)
        const isTrue =
          outcome === 'lease-lost' ? !NOT_LOST.includes(until?.kind) : isSo && until.at <= at + TOLERANCE_MS
        if (!isTrue)
          yield [
            `a process was told of job ${run.job}: ${outcome}; it was ${until?.kind ?? 'still held'}`,
            run,
            until,
          ]
      }
  },
}
