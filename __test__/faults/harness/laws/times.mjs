/** Nothing starts before its time. */
import { TOLERANCE_MS } from './tolerance.mjs'

export const notEarly = {
  says: 'a delayed or retried job is not claimed before its time, and that is no sooner after the call than the call asked for',
  *broken({ steps, calls, jobs }) {
    for (const step of steps.filter(({ kind }) => kind === 'claimed')) {
      // Both as the server dated them.
      const early = step.before.runAt - step.after.claimedAt
      if (early > TOLERANCE_MS)
        yield [`job ${step.job.id} was claimed ${Math.round(early)} ms before its time`, step]
    }
    for (const call of calls) {
      const made = call.answer === 'made' ? jobs.get(call.id)?.steps[0] : null
      if (made?.kind !== 'enqueued') continue
      const { runAt } = made.after
      // The server's time is known to the caller within bounds: for a delay it takes the later one, for none the earlier one.
      const delay = call.asked?.delay ?? null
      if (delay !== null && runAt < call.from + delay - TOLERANCE_MS)
        yield [`job ${call.id} is due sooner than ${delay} ms after ${call.call}`, call, made]
      if (delay === null && runAt > call.to + TOLERANCE_MS)
        yield [`job ${call.id} was to be due at once, and is later`, call, made]
    }
  },
}
