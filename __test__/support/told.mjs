/** Whether workers start what they were told of, or find it by looking for themselves. */
import assert from 'node:assert/strict'
import { pollUntil } from './wait.mjs'
import { letPass } from './time.mjs'

/** So many that their median tells one from the other, on a busy machine too. */
export const ROUNDS = 20

/** Much longer than a run of nothing and the look after it, and much shorter than the pause after that. */
const AFTER_RUN_MS = 30

/**
 * An idle worker without push looks by itself after an eighth of a second at the earliest, whatever its poll interval. Mostly it looks later.
 *
 * @param waits milliseconds from when each job could be started until it was
 */
export function assertTold(waits) {
  const median = waits.toSorted((one, other) => one - other)[waits.length >> 1]
  assert.ok(median < 100, `a median of ${median} ms: ${waits.map((ms) => ms.toFixed(1)).join(' ')}`)
}

/** When each job was started, by its id; `handler` is for the processor whose starts they are. */
export function starts() {
  const times = new Map()
  return {
    handler: (job) => void times.set(job.id, performance.now()),
    of: (id) => pollUntil('it has started', () => times.get(id), { everyMs: 1 }),
  }
}

/** Starts of a processor that works, and has nothing to do. */
export async function idle(queue, type) {
  const started = starts()
  queue.process(type, started.handler, { pollInterval: 60_000 })
  await started.of(await queue.enqueue(type, 'first'))
  return started
}

/**
 * Fails unless most of the jobs that `make` makes start at once, each when the one before has.
 *
 * @param make resolves to the ids of jobs, as soon as they could be started
 * @param startOf resolves to when a job was started
 */
export async function assertEachIsTold(make, startOf) {
  const waits = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const ids = await make(round)
    const from = performance.now()
    for (const id of ids) waits.push((await startOf(id)) - from)
    await letPass(AFTER_RUN_MS, 'the worker looks after a run, and would find the next job so')
  }
  assertTold(waits)
}
