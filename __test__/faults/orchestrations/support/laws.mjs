/**
 * Laws of orchestrations, under any fault of processes and servers. Each law looks at a story: the `lines` of the workers, the stored `jobs`
 * at the end, and the `ledger` of their transactions.
 */

/** A worker may be late by a lease, an election and a busy machine. */
const LATE_MS = 20_000
/** Clocks are read a moment after what they date. */
const TOLERANCE_MS = 3

const ofKind = (lines, kind) => lines.filter((line) => line.kind === kind)

export const LAWS = {
  /** A run that began after a step was answered somewhere finds it in the journal. One that began before may be a zombie. */
  *recordedRunsNoMore({ lines }) {
    const beganAt = new Map(ofKind(lines, 'body-began').map(({ run, at }) => [run, at]))
    for (const { job, name, at } of ofKind(lines, 'step-answered')) {
      const again = (line) => line.job === job && line.name === name && beganAt.get(line.run) > at
      for (const line of ofKind(lines, 'step-began').filter(again))
        yield `step ${name} of ${job} ran again, in run ${line.run}, though it had been recorded`
    }
  },

  *completesOnceReturned({ lines, jobs }) {
    const returned = new Set(ofKind(lines, 'returned').map(({ job }) => job))
    for (const { _id, status } of jobs) {
      if (status === 'completed' && !returned.has(_id))
        yield `${_id} completed though its body never returned`
      if (status !== 'completed') yield `${_id} has not completed: it is ${status}`
    }
  },

  *wakesOnTimeAndOnce({ lines, jobs }) {
    for (const { _id, steps } of jobs) {
      const until = steps.find(({ kind }) => kind === 'sleep')?.result.getTime()
      const wokeAt = ofKind(lines, 'woke')
        .filter(({ job }) => job === _id)
        .map(({ wall }) => wall)
      if (wokeAt.some((wall) => wall < until - TOLERANCE_MS)) yield `${_id} woke before its time`
      if (Math.min(...wokeAt) > until + LATE_MS) yield `${_id} woke ${Math.min(...wokeAt) - until} ms late`
      const parkedLate = ofKind(lines, 'parked').some(
        ({ jobId, wall }) => jobId === _id && wall > until + LATE_MS,
      )
      if (parkedLate) yield `${_id} parked once more after its time`
      if (steps.filter(({ kind }) => kind === 'sleep').length !== 1) yield `${_id} has not slept once`
    }
  },

  *bothOrNeither({ jobs, ledger }) {
    for (const { _id, steps } of jobs) {
      for (const name of ['book', 'book again']) {
        const written = ledger.filter((entry) => entry.job === _id && entry.name === name).length
        const recorded = steps.filter((step) => step.name === name).length
        if (written !== recorded || recorded > 1)
          yield `${name} of ${_id} was written ${written} times and recorded ${recorded} times`
      }
    }
  },

  *placesAreRecordedOnce({ jobs }) {
    for (const { _id, steps } of jobs) {
      const seqs = steps.map(({ seq }) => seq)
      if (new Set(seqs).size !== seqs.length) yield `${_id} has two records at one place`
    }
  },
}

/** All that is broken, by law. */
export function check(story) {
  return Object.entries(LAWS).flatMap(([law, broken]) => [...broken(story)].map((what) => ({ law, what })))
}
