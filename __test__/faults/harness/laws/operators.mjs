/** Laws of requests to all processes: pauses hold, and retention takes nothing that it may not touch. */
import { isTerminal } from '../history/jobs.mjs'
import { askedRemovals } from './kept.mjs'
import { isDisturbing } from './refusals.mjs'
import { TOLERANCE_MS } from './tolerance.mjs'

/** From the end of a disturbance until a process has looked again: an election, and its pauses between tries. */
const NOTICED_MS = 3000

/** All processes know of a pause by then. */
const KNOWN_WITHIN_MS = 5000

/** The time, within a span, for which a process could not learn of a pause: it was frozen, or a fault hit servers or network. */
function deafMs(faults, by, from, to) {
  let [end, sum] = [from, 0]
  const isInTheWay = ({ fault, target }) => target === by || isDisturbing(fault)
  for (const { at, until } of faults.filter(isInTheWay).sort((one, other) => one.at - other.at)) {
    const [begin, over] = [Math.max(end, at), Math.min(to, (until ?? Infinity) + NOTICED_MS)]
    if (over <= begin) continue
    sum += over - begin
    end = over
  }
  return sum
}

/** Each pause, from when it was answered until its end was asked for. */
function* pausesIn({ pauses }) {
  for (const pause of pauses.filter(({ kind }) => kind === 'paused')) {
    const isEnd = ({ kind, type, at }) => kind === 'resuming' && type === pause.type && at >= pause.at
    yield { ...pause, until: pauses.find(isEnd)?.at ?? Infinity }
  }
}

export const pausesHold = {
  says: 'no handler starts on a job of a type from 5 s after its pause on, until it is resumed; time in which its process was frozen or the servers were away does not count',
  *broken(story) {
    for (const pause of pausesIn(story)) {
      for (const run of story.runs) {
        const isOfType = story.jobs.get(run.job)?.created.type === pause.type
        const deaf = deafMs(story.faults, run.by, pause.at, run.from)
        const late = run.from - (pause.at + KNOWN_WITHIN_MS + deaf)
        if (isOfType && late > TOLERANCE_MS && run.from < pause.until)
          yield [
            `job ${run.job} was started ${Math.round(late)} ms after its type had to be paused`,
            run,
            pause,
          ]
      }
    }
  },
}

export const retentionSpares = {
  says: 'a job is removed only if it has ended, as long ago as retention says, and holds no key any more',
  *broken({ calls, steps, settings: { retentionMs = null } }) {
    const isAsked = askedRemovals(calls)
    for (const step of steps.filter((step) => step.kind === 'removed' && !isAsked(step))) {
      const { status, completedAt, failedAt, dedupeUntil = -Infinity } = step.before ?? {}
      const age = step.at - (status === 'completed' ? completedAt : failedAt)
      const { id } = step.job
      if (retentionMs === null || !isTerminal(status))
        yield [`job ${id} was removed while it was ${status}`, step]
      else if (!(age >= retentionMs - TOLERANCE_MS))
        yield [`job ${id} was removed ${Math.round(age)} ms after its end, not ${retentionMs}`, step]
      else if (dedupeUntil > step.at + TOLERANCE_MS)
        yield [
          `job ${id} was removed while its key was to be held for ${dedupeUntil - step.at} ms more`,
          step,
        ]
    }
  },
}
