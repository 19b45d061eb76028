/**
 * Laws of orchestrations, under any fault of processes and servers. Each law looks at a story. It has the `lines` of the workers, the `ledger` of
 * their transactions, and at the end the stored `jobs` and the `values` beside them. With a `length`, the results of steps are that long.
 */
import { resultOf } from '../../../support/workers/orchestrations.mjs'

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

  /** A value is there whenever its job is: the job's own, and whole. */
  *valuesOutliveTheirSteps({ lines, jobs, values, length }) {
    const byId = new Map(values.map(({ _id, result }) => [`${_id.job}/${_id.value}`, result]))
    for (const { _id, steps } of jobs) {
      for (const { name, spilled } of steps.filter((step) => step.spilled !== undefined)) {
        const result = byId.get(`${_id}/${spilled}`)
        const step = name.replace('$spilled:', '')
        if (result === undefined) yield `the value of ${step} of ${_id} is not there`
        else if (result !== resultOf(_id, step, length)) yield `the value of ${step} of ${_id} is another`
      }
      const missing = steps.some(({ name, spilled }) => name === 'one' && spilled === undefined)
      if (length > 0 && missing) yield `a large result of ${_id} stands on the job`
    }
    for (const { job, name, isWhole } of ofKind(lines, 'step-answered'))
      if (isWhole === false) yield `step ${name} of ${job} was answered with another result`
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
