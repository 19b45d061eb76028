/** Jobs that an operator makes due start at once, here and elsewhere, also where that was written by hand. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JobQueue } from 'durabl'
import { atEnd } from '../../support/cleanup.mjs'
import { elsewhere } from '../../support/elsewhere.mjs'
import { SILENT, jobs } from '../../support/jobs.mjs'
import { letPass } from '../../support/time.mjs'
import { idle } from '../../support/told.mjs'

const HOUR_MS = 3_600_000
const ROUNDS = 12

/** The ways to make a job due: what it is before, and the call. */
const WAYS = {
  promoted: {
    make: (queue) => queue.enqueue('work', {}, { delay: HOUR_MS }),
    act: ({ queue }, id) => queue.promote(id),
  },
  rescheduled: {
    make: (queue) => queue.enqueue('work', {}, { delay: HOUR_MS }),
    act: ({ queue }, id) => queue.reschedule(id, { runAt: new Date(0) }),
  },
  retried: {
    async make(queue) {
      const handle = await queue.claimOrEnqueue('work', {})
      await handle.failFatal('no')
      return handle.id
    },
    act: ({ queue }, id) => queue.retry(id),
  },
  'retried with all others': {
    async make(queue) {
      const handle = await queue.claimOrEnqueue('work', {})
      await handle.failFatal('no')
      return handle.id
    },
    act: ({ queue }) => queue.retryMany({ status: 'failed' }),
  },
}

const BY_HAND = {
  'given another time by hand': {
    make: WAYS.promoted.make,
    act: ({ collection }, id) => collection.updateOne({ _id: id }, { $set: { runAt: new Date() } }),
  },
}

/** The median of the times from the call to the start. */
async function median(env, started, { make, act }) {
  const waits = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const id = await make(env.queue)
    await letPass(40, 'the worker is at rest')
    const from = performance.now()
    await act(env, id)
    waits.push((await started.of(id)) - from)
  }
  return waits.toSorted((one, other) => one - other)[waits.length >> 1]
}

for (const [name, way] of Object.entries(WAYS)) {
  for (const [engine, wrap] of [
    ['the engine', (backend) => backend],
    ['plain JavaScript', (backend) => new Proxy(backend, {})],
  ]) {
    test(`a job that is ${name} starts in the same process at once, driven by ${engine}`, async (t) => {
      const env = await jobs(t)
      const queue = new JobQueue(wrap(env.backend), SILENT, { autoRecover: false })
      atEnd(t, () => queue.shutdown(0))
      const started = await idle(queue, 'work')
      const ms = await median({ ...env, queue }, started, way)
      // The bound is 50; an idle worker looks by itself after an eighth of a second at the earliest.
      assert.ok(ms < 50, `a median of ${ms} ms`)
    })
  }
}

for (const [name, way] of Object.entries({ ...WAYS, ...BY_HAND })) {
  test(`a job that is ${name} starts in another process that is pushed to`, async (t) => {
    const env = await jobs(t)
    const { queue: worker } = await elsewhere(t, env.config, { useChangeStreams: true })
    const started = await idle(worker, 'work')
    const ms = await median(env, started, way)
    assert.ok(ms < 250, `a median of ${ms} ms`)
  })
}
