/** A summary of the workers' stories: the begin and end of each run, and whether two runs overlapped. */
import assert from 'node:assert/strict'

/** Every run that any of the workers began; a run without an end lasted until its worker was gone. */
export function runsOf(workers) {
  return workers
    .flatMap((worker) =>
      worker.all('started').map(({ job, attempt, key, at }) => {
        const end = worker.all(
          'ended',
          (event) => event.job === job && event.attempt === attempt && event.at >= at,
        )[0]
        return { job, attempt, key, pid: worker.pid, from: at, to: end?.at ?? worker.endedAt ?? Infinity }
      }),
    )
    .sort((one, other) => one.from - other.from)
}

/** Fails if two runs with the same value of this field were under way at once. */
export function assertNoOverlap(runs, field) {
  const last = new Map()
  for (const run of runs) {
    const before = last.get(run[field])
    if (before && before.to > run.from)
      assert.fail(`two runs of ${field} ${run[field]} at once:\n${JSON.stringify([before, run], null, 2)}`)
    if (!before || run.to > before.to) last.set(run[field], run)
  }
}
