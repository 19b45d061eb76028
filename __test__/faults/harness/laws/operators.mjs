/** Laws of requests to all processes: pauses hold, and retention takes nothing that it may not touch. */
import { isTerminal } from '../history/jobs.mjs'
import { askedRemovals } from './kept.mjs'
import { TOLERANCE_MS } from './tolerance.mjs'

/** All processes know of a pause by then. */
const KNOWN_WITHIN_MS = 5000

/** Each pause, from when it was answered until its end was asked for. */
function* pausesIn({ pauses }) {
  for (const pause of pauses.filter(({ kind }) => kind === 'paused')) {
    const isEnd = ({ kind, type, at }) => kind === 'resuming' && type === pause.type && at >= pause.at
    yield { ...pause, until: pauses.find(isEnd)?.at ?? Infinity }
  }
}

export const pausesHold = {
  says: 'no handler starts on a job of a type from 5 s after its pause on, until it is resumed',
  *broken(story) {
    for (const pause of pausesIn(story)) {
      for (const run of story.runs) {
        const isOfType = story.jobs.get(run.job)?.created.type === pause.type
        const late = run.from - (pause.at + KNOWN_WITHIN_MS)
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
