/** A shutdown ends in the time that it was given and a second, whatever the server does; then the process ends by itself. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { findMongod } from '../../../scripts/mongod/find.mjs'
import { startReplicaSet } from '../../../scripts/mongod/replica-set.mjs'
import { startProxy } from '../../support/proxies/proxy.mjs'
import { now, startWorker } from '../../support/workers/workers.mjs'

const OVERTIME_MS = 1000
/** The part of that in which it waits for the server in vain. A stall of the machine that is over by then has cost nothing. */
const PLANNED_MS = 900
/** From the end of the shutdown to the end of the process, on a busy machine. */
const EXIT_MS = 5000

/** A worker with a handler that never ends, jobs that wait behind it, sweeps and a change stream; nothing else holds it. */
async function startBusyWorker(t, url) {
  const worker = await startWorker(t, {
    ...{ url, database: `durabl_test_${randomUUID().slice(0, 8)}`, ownConnection: true },
    backend: { useChangeStreams: true },
    processors: {
      stuck: { handler: 'hang', config: { prefetch: 3 } },
      idle: { handler: 'nothing', config: { pollInterval: 50 } },
    },
  })
  for (let n = 0; n < 5; n += 1) await worker.call('queue', 'enqueue', 'stuck', n)
  await worker.call('queue', 'startReaper', 100)
  await worker.next('started')
  return worker
}

async function assertEndsWithin(t, worker, timeoutMs) {
  const answer = worker.call('worker', 'end', timeoutMs)
  // The process may be gone before it has answered.
  answer.catch(() => {})
  const { ms, stalls, at } = await worker.next('down')
  const stalled = stalls.filter(({ until }) => until > timeoutMs + PLANNED_MS)
  const stalledMs = stalled.reduce((sum, stall) => sum + stall.ms, 0)
  t.diagnostic(
    `it took ${Math.round(ms)} ms; at the end the machine stood still for ${Math.round(stalledMs)} ms`,
  )
  const ownMs = Math.round(ms - stalledMs)
  assert.ok(ownMs <= timeoutMs + OVERTIME_MS, `the shutdown took ${ownMs} ms of ${timeoutMs}`)
  assert.deepEqual(await worker.exited, { code: 0, signal: null }, worker.stderr)
  assert.ok(now() - at < EXIT_MS, `the process ended ${Math.round(now() - at)} ms later`)
}

/** The work of a worker while its server is away, and its end. */
async function assertEndsWithoutServer(t, worker, timeoutMs) {
  await worker.call('worker', 'begin', 'enqueue', 'idle', {})
  await worker.call('worker', 'begin', 'claimOrEnqueue', 'idle', {})
  await assertEndsWithin(t, worker, timeoutMs)
  for (const method of ['enqueue', 'claimOrEnqueue']) {
    const { code } = await worker.next('call-failed', (event) => event.method === method)
    assert.equal(code, 'ERR_DURABL_SHUT_DOWN')
  }
}

for (const timeoutMs of [0, 700]) {
  describe(`a shutdown within ${timeoutMs} ms`, () => {
    let set
    before(async () => {
      set = await startReplicaSet(await findMongod(() => {}))
    })
    after(() => set.stop())

    test('with a server that answers', async (t) => {
      await assertEndsWithin(t, await startBusyWorker(t, set.url), timeoutMs)
    })

    test('with a server that is frozen', async (t) => {
      const worker = await startBusyWorker(t, set.url)
      process.kill(set.servers[0].pid, 'SIGSTOP')
      try {
        await assertEndsWithoutServer(t, worker, timeoutMs)
      } finally {
        process.kill(set.servers[0].pid, 'SIGCONT')
      }
    })

    test('with a server that was frozen before anything reached it', async (t) => {
      process.kill(set.servers[0].pid, 'SIGSTOP')
      try {
        const config = { url: set.url, database: 'none', ownConnection: true, startup: false }
        const worker = await startWorker(t, { ...config, processors: { idle: { handler: 'nothing' } } })
        await assertEndsWithoutServer(t, worker, timeoutMs)
      } finally {
        process.kill(set.servers[0].pid, 'SIGCONT')
      }
    })

    test('with a network that swallows everything', async (t) => {
      const proxy = await startProxy(t)
      const worker = await startBusyWorker(t, proxy.url())
      proxy.mute()
      await assertEndsWithoutServer(t, worker, timeoutMs)
    })

    test('with a server that is gone', async (t) => {
      const worker = await startBusyWorker(t, set.url)
      process.kill(set.servers[0].pid, 'SIGKILL')
      await assertEndsWithoutServer(t, worker, timeoutMs)
    })
  })
}
