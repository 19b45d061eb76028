/** Leases are renewed by the engine's own threads, so a handler that holds the event loop keeps its job. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { jobs } from '../../support/jobs.mjs'
import { runsOf } from '../../support/runs.mjs'
import { heardOut, nextOf, startWorkers } from '../../support/workers/workers.mjs'

const VISIBILITY_MS = 1500

test('a handler that blocks the event loop for three visibility timeouts keeps its job', async (t) => {
  const { queue, config, whenJob } = await jobs(t)
  const workers = await startWorkers(t, 2, {
    ...config,
    queue: { visibilityTimeoutMs: VISIBILITY_MS },
    processors: { work: { handler: 'block', ms: 3 * VISIBILITY_MS, config: { pollInterval: 100 } } },
  })
  const id = await queue.enqueue('work', {})
  const { worker } = await nextOf(workers, 'event:completed')

  const job = await whenJob(id, 'completed')
  assert.equal(job.attempt, 1)
  await heardOut(workers)
  const runs = runsOf(workers)
  assert.deepEqual(
    runs.map(({ pid, attempt }) => ({ pid, attempt })),
    [{ pid: worker.pid, attempt: 1 }],
  )
  assert.ok(runs[0].to - runs[0].from >= 3 * VISIBILITY_MS)
  for (const each of workers) {
    assert.deepEqual(each.all('event:lease-lost'), [])
    assert.deepEqual(each.all('event:reaper-recovered'), [])
  }
})
