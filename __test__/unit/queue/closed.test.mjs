/** After a shutdown, each call of a queue is refused as such: none reaches a backend that has been shut down. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { DummyBackend, JobQueue, ShutDownError } from 'durabl'
import { deferred } from '../../support/async.mjs'

const SILENT = { debug() {}, info() {}, warn() {}, error() {} }

const EACH = { every: '1h' }
const WORK = { type: 'work', data: {} }

/** A good call of each method that needs the backend. */
const CALLS = {
  enqueue: (queue) => queue.enqueue('work', {}),
  enqueueDetailed: (queue) => queue.enqueueDetailed('work', {}),
  enqueueMany: (queue) => queue.enqueueMany([WORK]),
  claimOrEnqueue: (queue) => queue.claimOrEnqueue('work', {}),
  runClaimed: (queue, handle) => queue.runClaimed(handle, () => {}),
  process: async (queue) => queue.process('work', () => {}),
  hasOutstanding: (queue) => queue.hasOutstanding('work', 'k'),
  getStats: (queue) => queue.getStats(),
  startup: (queue) => queue.startup(),
  startReaper: (queue) => queue.startReaper(),
  installSignalHandlers: async (queue) => queue.installSignalHandlers(),
  schedule: (queue) => queue.schedule('s', EACH, WORK),
  applySchedules: (queue) => queue.applySchedules('app', [{ id: 's', spec: EACH, job: WORK }]),
  unschedule: (queue) => queue.unschedule('s'),
  pauseSchedule: (queue) => queue.pauseSchedule('s'),
  resumeSchedule: (queue) => queue.resumeSchedule('s'),
  triggerSchedule: (queue) => queue.triggerSchedule('s'),
  skipSchedule: (queue) => queue.skipSchedule('s', new Date(0)),
  listSchedules: (queue) => queue.listSchedules(),
  readSteps: (queue) => queue.readSteps('j'),
  appendStep: (queue) => queue.appendStep('j', 't', { name: 'a', status: 'completed', result: 1 }),
  completeClaimed: (queue) => queue.completeClaimed('j', 't'),
  heartbeatClaimed: (queue) => queue.heartbeatClaimed('j', 't'),
  cancel: (queue) => queue.cancel('j'),
  retry: (queue) => queue.retry('j'),
  promote: (queue) => queue.promote('j'),
  reschedule: (queue) => queue.reschedule('j', { delay: 1 }),
  remove: (queue) => queue.remove('j'),
  cancelMany: (queue) => queue.cancelMany({ ids: ['j'] }),
  retryMany: (queue) => queue.retryMany({ ids: ['j'] }),
  promoteMany: (queue) => queue.promoteMany({ ids: ['j'] }),
  removeMany: (queue) => queue.removeMany({ ids: ['j'] }),
  pause: (queue) => queue.pause('work'),
  resume: (queue) => queue.resume('work'),
  counts: (queue) => queue.counts(),
  listWorkers: (queue) => queue.listWorkers(),
  history: (queue) => queue.history({ fromMs: 0, toMs: 60_000 }),
  recordAction: (queue) => queue.recordAction({ id: 'a', action: 'retry' }),
  listActions: (queue) => queue.listActions(),
  getJob: (queue) => queue.getJob('j'),
  listJobs: (queue) => queue.listJobs({ status: 'failed' }),
  waitFor: (queue) => queue.waitFor('j'),
  'handle.complete': (_queue, handle) => handle.complete(),
  'handle.fail': (_queue, handle) => handle.fail('x'),
  'handle.failFatal': (_queue, handle) => handle.failFatal('x'),
  'handle.release': (_queue, handle) => handle.release(),
  'handle.heartbeat': (_queue, handle) => handle.heartbeat(),
  'handle.log': (_queue, handle) => handle.log('x'),
}

/** Methods that need no backend, and those that no app calls. */
const OTHERS = new Set(
  (
    'constructor previewSchedule assertJournalCapable stopReaper shutdown toJSON claim giveBack followed windDown made wakeFor tell ' +
    'withDefaults queued queuedAll keeper changeMany toldOfRetries cancelled wakeAfterMany ask endWaiting wakeAfter assertOpen assertNotClosed'
  ).split(' '),
)

async function shutDownQueue() {
  const queue = new JobQueue(new DummyBackend(), SILENT)
  const handle = await queue.claimOrEnqueue('work', {})
  await queue.shutdown(0)
  return { queue, handle }
}

describe('after the shutdown', () => {
  for (const [name, call] of Object.entries(CALLS)) {
    it(`${name} is refused`, async () => {
      const { queue, handle } = await shutDownQueue()
      await assert.rejects(
        async () => call(queue, handle),
        (error) => {
          assert.ok(error instanceof ShutDownError, error.stack)
          assert.equal(error.code, 'ERR_DURABL_SHUT_DOWN')
          return true
        },
      )
    })
  }

  it('stopReaper and shutdown are harmless', async () => {
    const { queue } = await shutDownQueue()
    queue.stopReaper()
    await queue.shutdown()
  })

  it('no other method is there', () => {
    const names = new Set()
    for (let of = JobQueue.prototype; of !== Object.prototype; of = Object.getPrototypeOf(of))
      for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(of)))
        if (typeof value === 'function') names.add(name)
    const unknown = [...names].filter((name) => !OTHERS.has(name) && !Object.hasOwn(CALLS, name))
    assert.deepEqual(unknown, [], 'these calls need a line in CALLS')
  })
})

describe('while the shutdown waits for a handler', () => {
  const NEW_WORK = [
    'claimOrEnqueue',
    'runClaimed',
    'process',
    'startup',
    'startReaper',
    'installSignalHandlers',
  ]
  for (const name of NEW_WORK)
    it(`${name} is refused, as it would begin new work`, async () => {
      const queue = new JobQueue(new DummyBackend(), SILENT)
      const handle = await queue.claimOrEnqueue('work', {})
      const gate = deferred()
      queue.process('work', () => gate.promise)
      await queue.enqueue('work', {})
      const over = queue.shutdown()
      await assert.rejects(async () => CALLS[name](queue, handle), { code: 'ERR_DURABL_SHUT_DOWN' })
      gate.resolve()
      await over
    })
})
