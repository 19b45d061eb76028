import assert from 'node:assert/strict'
import { QUICK_RETRY } from '../support.mjs'

const HEX = 'abcdef0123456789'
const trace = (n) => ({ traceparent: `00-${HEX.repeat(2)}-${HEX.slice(0, 15)}${n}-01`, tracestate: 'a=1' })

/** Notes what it is told, and gives each call a trace of its own. */
function notes() {
  const made = []
  const runs = []
  const making = (call) => {
    const own = { ...call, trace: trace(made.length) }
    made.push(own)
    return { trace: own.trace, run: (go) => go(), ended: (end) => void (own.end = end) }
  }
  const running = ({ id, attempt, trace: carried }) => {
    const own = { id, attempt, trace: carried }
    runs.push(own)
    return { run: (handler) => handler(), ended: (end) => void (own.end = end) }
  }
  return { made, runs, telemetry: { making, running } }
}

export default {
  async 'each call that makes jobs is followed, and its trace is on them'({ backend, makeQueue, stored }) {
    const { made, telemetry } = notes()
    const queue = makeQueue({ telemetry })
    const one = await queue.enqueue('t', 1)
    const { id: two } = await queue.enqueueDetailed('t', 2)
    const many = await queue.enqueueMany([
      { type: 't', data: 3 },
      { type: 'u', data: 4 },
    ])
    const claimed = await queue.claimOrEnqueue('v', 5)
    const ids = [one, two, ...many.map(({ id }) => id), claimed.id]
    const traces = await Promise.all(ids.map(async (id) => (await stored(id)).trace))
    assert.deepEqual(traces, [trace(0), trace(1), trace(2), trace(2), trace(3)])
    assert.deepEqual(claimed.trace, trace(3))
    assert.deepEqual(
      made.map(({ operation, type, count, end }) => [operation, type, count, end.ids]),
      [
        ['enqueue', 't', 1, [one]],
        ['enqueueDetailed', 't', 1, [two]],
        ['enqueueMany', null, 2, many.map(({ id }) => id)],
        ['claimOrEnqueue', 'v', 1, [claimed.id]],
      ],
    )
    assert.equal((await backend.claimNext('t')).trace.traceparent.length, 55)
  },

  async 'a call that makes nothing, or fails, is followed to its end'({ makeQueue }) {
    const { made, telemetry } = notes()
    const queue = makeQueue({ telemetry })
    const key = { dedupeKey: 'k' }
    await queue.enqueue('t', 1, key)
    assert.equal(await queue.enqueue('t', 2, key), null)
    await assert.rejects(queue.enqueue('t', () => {}))
    assert.deepEqual(
      made.map(({ end }) => [end.ids.length, end.error?.code]),
      [
        [1, undefined],
        [0, undefined],
        [0, 'ERR_DURABL_PAYLOAD_NOT_ENCODABLE'],
      ],
    )
  },

  async 'a trace that the caller gives is the one that counts'({ makeQueue, stored }) {
    const own = { traceparent: trace(7).traceparent }
    const { telemetry } = notes()
    for (const queue of [makeQueue({ telemetry }), makeQueue()]) {
      const id = await queue.enqueue('t', 1, { trace: own })
      assert.deepEqual((await stored(id)).trace, own)
    }
  },

  async 'without telemetry nothing is on a job'({ makeQueue, stored }) {
    const id = await makeQueue().enqueue('t', 1)
    assert.ok(!('trace' in (await stored(id))))
  },

  async 'each attempt is followed, with its fate'({ makeQueue, until }) {
    const { runs, telemetry } = notes()
    const queue = makeQueue({ telemetry })
    queue.process('t', (job) => {
      if (job.attempt === 1) throw new Error('first')
    })
    const id = await queue.enqueue('t', 1, QUICK_RETRY)
    await until('both are over', () => runs.length === 2 && runs[1].end !== undefined)
    assert.deepEqual(
      runs.map((run) => [run.id, run.attempt, run.trace, run.end.status, run.end.error?.message]),
      [
        [id, 1, trace(0), 'retry-scheduled', 'first'],
        [id, 2, trace(0), 'completed', undefined],
      ],
    )
    assert.equal(runs[0].end.reason, 'first')
    assert.ok(runs.every(({ end }) => end.durationMs >= 0))
  },
}
