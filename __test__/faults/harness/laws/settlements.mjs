/** Only the holder of the last lease settles a job, by how its handler ended; and what a process is told of it is true. */
import { isSo } from '../history/jobs.mjs'
import { TOLERANCE_MS } from './tolerance.mjs'

/** The end of a handler that each settlement implies. */
const CAUSES = {
  completed: ['returned'],
  retried: ['threw'],
  failed: ['threw', 'fatal'],
  // It would have waited for its next attempt, and another waits for the key already.
  superseded: ['threw'],
}

/** When each process was asked to end; it gives back whatever it holds then, whether a handler runs or not. */
export const endingIn = (endings) => new Map(endings.map(({ of, at }) => [of, at]))

export const settledByHolder = {
  says: 'a job is settled only after the handler of its last claim has ended, and as that handler ended; and given back only by who ends',
  *broken({ jobs, endings }) {
    const ending = endingIn(endings)
    const isEnding = ({ by }, { at }) => (ending.get(by) ?? Infinity) <= at + TOLERANCE_MS
    for (const { id, tenures } of jobs.values())
      for (const { until, runs } of tenures) {
        const [run] = runs
        const isGivenBack = until?.kind === 'released' || until?.kind === 'superseded'
        // A worker that has not begun a job yet may give it back if it can't begin it in time.
        if (isGivenBack && (!run || isEnding(run, until))) continue
        if (until?.kind === 'released')
          yield [
            `job ${id} was given back by ${run.by}, which had begun it and was not asked to end`,
            until,
            run,
          ]
        const causes = CAUSES[until?.kind]
        if (!causes) continue
        if (!run) yield [`job ${id} was ${until.kind}, and its holder had not started a handler`, until]
        else if (run.to > until.at + TOLERANCE_MS)
          yield [`job ${id} was ${until.kind} while the handler of its holder was running`, until, run]
        else if (!causes.includes(run.outcome))
          yield [`job ${id} was ${until.kind}, and the handler of its holder had ${run.outcome}`, until, run]
      }
  },
}

/** The servers' word for a claim that was ended in its holder's name. A reaper writes `recovered`, even where it supersedes. */
const NOT_LOST = ['completed', 'retried', 'failed', 'superseded', 'released']

export const resultsAreTrue = {
  says: 'what a process is told of its settlement is what the servers have',
  *broken({ runs }) {
    for (const run of runs)
      for (const { outcome, at } of run.told) {
        const until = run.tenure?.until
        const isTrue =
          outcome === 'lease-lost'
            ? !NOT_LOST.includes(until?.kind)
            : isSo(until, outcome) && until.at <= at + TOLERANCE_MS
        if (!isTrue)
          yield [
            `a process was told of job ${run.job}: ${outcome}; it was ${until?.kind ?? 'still held'}`,
            run,
            until,
          ]
      }
  },
}
