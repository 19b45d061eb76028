/** A backend in memory whose clock a test turns. */
import { mock } from 'node:test'
import { DummyBackend, JobQueue } from 'durabl'
import { atEnd } from '../../support/cleanup.mjs'
import { SILENT } from '../../support/jobs.mjs'

export const MINUTE = 60_000
const STEP = 1000
/** A whole hour, so that occurrences are easy to name. */
export const START = Date.UTC(2030, 0, 1, 12)

/**
 * A queue whose processor of type `t` notes its jobs, at 12:00:00 on timers that stand still. `pass` lets time pass; `at` names moments after the
 * start.
 */
export async function clockwork(t) {
  mock.timers.reset()
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: START })
  atEnd(t, () => mock.timers.reset())
  const backend = new DummyBackend()
  const queue = new JobQueue(backend, SILENT, { autoRecover: false })
  atEnd(t, () => queue.shutdown(0))
  return {
    backend,
    queue,
    /** Fires without handling: a processor of another type. */
    begin: () => queue.process('nothing', () => {}),
    pass: async (ms) => {
      // Step by step: within one step all timers see its end.
      for (let left = ms; left > 0; left -= STEP) {
        mock.timers.tick(Math.min(left, STEP))
        await settled()
      }
    },
    /** The clock goes on while no process is there. */
    away: (ms) => mock.timers.setTime(Date.now() + ms),
    /** The occurrences whose jobs were made, in milliseconds after the start. */
    made: () => backend.jobs.flatMap(({ schedule }) => (schedule ? [schedule.occurrenceAt - START] : [])),
  }
}

/** Promises have their turn, also those of handlers. */
export async function settled() {
  for (let turn = 0; turn < 4; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}
