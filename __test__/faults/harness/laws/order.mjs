/**
 * Claims go by priority, then by time due, "as each claim finds it". Two claims at once may cross; a long wait is not explained by that. Busy
 * workers that hold jobs ahead of their slots begin behind the front on purpose. Those that hold none (`prefetch: 0`) go strictly in order, and
 * this law is about their types.
 */

/** A job that was due for so long before a claim, and went on waiting for so long after it, was passed over. */
const CROSSING_MS = 500

/** Whether nothing was done to servers or processes around that moment: what stalls may make a claim late for what it had found. */
function isCalm(faults, at) {
  return !faults.some(
    ({ at: from, until }) => at > from - CROSSING_MS && at < (until ?? Infinity) + 2 * CROSSING_MS,
  )
}

/** When each job waited, and could have been claimed. */
function waitsOf(jobs) {
  const waits = []
  for (const job of jobs.values()) {
    let since = null
    for (const { at, after, kind } of job.steps) {
      if (since !== null && kind !== 'touched') {
        const { priority, type } = job.created
        waits.push({ job, from: since.from, to: at, runAt: since.runAt, priority, type })
        since = null
      }
      if (after.status === 'pending' && kind !== 'touched')
        since = { from: Math.max(at, after.runAt), runAt: after.runAt }
    }
  }
  return waits
}

/** Whether a job that waits comes before one that is claimed: by priority, and at equal priority by when it became due. */
const comesBefore = (wait, { created: { priority } }, { runAt }) =>
  wait.priority < priority || (wait.priority === priority && wait.runAt < runAt)

export const orderIsKept = {
  says: 'without prefetch, a claim takes the job of the lowest priority that has been due for a while and whose key is free, and of those the one that became due first',
  *broken({ jobs, steps, faults, orderedTypes }) {
    // A key of scope pending may be held by another: those may be passed over.
    const free = waitsOf(jobs).filter(({ job }) => job.created.dedupeScope !== 'pending')
    const long = free.filter(({ from, to }) => to - from > 2 * CROSSING_MS)
    for (const step of steps.filter(({ kind }) => kind === 'claimed')) {
      const { type, priority } = step.job.created
      if (!orderedTypes.includes(type)) continue
      const passed = long.find(
        (wait) =>
          wait.type === type &&
          comesBefore(wait, step.job, step.before) &&
          wait.from < step.at - CROSSING_MS &&
          wait.to > step.at + CROSSING_MS,
      )
      if (passed && isCalm(faults, step.at))
        yield [
          `job ${step.job.id} of priority ${priority}, due at ${step.before.runAt}, was claimed before ${passed.job.id} of ${passed.priority}, due at ${passed.runAt}`,
          step,
        ]
    }
  },
}
