/** Workers whose clock is ten minutes wrong: the server's decides what is due, claimed and expired. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { jobs } from '../../support/jobs.mjs'
import { assertNoOverlap, runsOf } from '../../support/runs.mjs'
import { heardOut, now, startWorker } from '../../support/workers/workers.mjs'
import { canBeWrong, clockmaker } from '../../support/workers/wrong-clock.mjs'

const TEN_MINUTES = 600
const DELAY_MS = 1500
const VISIBILITY_MS = 1200
/** Against ten minutes, any lateness of a busy machine is small. */
const SOON_MS = 10_000

/** The time at which an id was made, by the clock of its maker: the id begins with it. */
const madeAt = (id) => Number.parseInt(id.replace('-', '').slice(0, 12), 16)

function isAbout(found, expected, what) {
  assert.ok(Math.abs(found - expected) < 60_000, `${what} is off by ${(found - expected) / 1000} s`)
}

// Elsewhere nothing can be put between a process and its clock.
if (canBeWrong) {
  let maker
  before(() => (maker = clockmaker()))
  after(() => maker.remove())

  /** A worker under a clock of its own. */
  async function startUnder(t, env, clock, processors) {
    const queue = { visibilityTimeoutMs: VISIBILITY_MS }
    return startWorker(t, { ...env.config, queue, processors }, { env: clock.env })
  }

  const idle = { work: { handler: 'nothing', config: { pollInterval: 200 } } }
  const stuck = { work: { handler: 'hang' } }
  /** Sweeps, and claims nothing of what the tests make. */
  const sweeping = { other: { handler: 'nothing' } }
  const busy = { work: { handler: 'sleep', ms: 3 * VISIBILITY_MS, config: { pollInterval: 200 } } }

  for (const [name, seconds] of [
    ['ahead', TEN_MINUTES],
    ['behind', -TEN_MINUTES],
  ]) {
    describe(`a worker whose clock is ten minutes ${name}`, { concurrency: true }, () => {
      test('has that clock, in Node and in the engine', async (t) => {
        const env = await jobs(t)
        const worker = await startUnder(t, env, maker.clock(seconds), {})
        isAbout(await worker.call('worker', 'now'), Date.now() + seconds * 1000, 'its clock')
        const id = await worker.call('queue', 'enqueue', 'work', {})
        isAbout(madeAt(id), Date.now() + seconds * 1000, "its engine's clock")
      })

      test('runs a delayed job neither early nor late', async (t) => {
        const env = await jobs(t)
        const worker = await startUnder(t, env, maker.clock(seconds), idle)
        const asked = now()
        const id = await env.queue.enqueue('work', {}, { delay: DELAY_MS })
        const { job, at } = await worker.next('started')
        assert.equal(job, id)
        assert.ok(at - asked >= DELAY_MS, `it ran after ${at - asked} ms`)
        assert.ok(at - asked < DELAY_MS + SOON_MS, `it ran after ${at - asked} ms`)
      })

      test('delays and creates jobs by the right time', async (t) => {
        const env = await jobs(t)
        const wrong = await startUnder(t, env, maker.clock(seconds), {})
        const right = await startWorker(t, { ...env.config, processors: idle })
        const asked = now()
        const id = await wrong.call('queue', 'enqueue', 'work', {}, { delay: DELAY_MS })
        const { at } = await right.next('started')
        assert.ok(at - asked >= DELAY_MS && at - asked < DELAY_MS + SOON_MS, `it ran after ${at - asked} ms`)
        const job = await env.whenJob(id, 'completed')
        for (const time of ['createdAt', 'runAt', 'completedAt']) isAbout(job[time], Date.now(), time)
      })

      test('neither loses its lease to a worker with the right time nor takes one', async (t) => {
        for (const [holderIsWrong, otherIsWrong] of [
          [true, false],
          [false, true],
        ]) {
          const env = await jobs(t)
          const clockOf = (isWrong) => maker.clock(isWrong ? seconds : 0)
          const [holder, other] = await Promise.all([
            startUnder(t, env, clockOf(holderIsWrong), busy),
            startUnder(t, env, clockOf(otherIsWrong), sweeping),
          ])
          const id = await env.queue.enqueue('work', {})
          const job = await env.whenJob(id, 'completed')
          await heardOut([holder, other])
          assert.equal(job.attempt, 1)
          assert.equal(holder.all('started').length, 1)
          assert.deepEqual([...holder.all('event:lease-lost'), ...other.all('event:reaper-recovered')], [])
        }
      })

      test('recovers the job of a worker that died, and not late', async (t) => {
        const env = await jobs(t)
        const victim = await startUnder(t, env, maker.clock(-seconds), stuck)
        const id = await env.queue.enqueue('work', {})
        await victim.next('started')
        const survivor = await startUnder(t, env, maker.clock(seconds), idle)
        await victim.kill()
        const killedAt = now()
        const { attempt, at } = await survivor.next('started')
        assert.equal(attempt, 2)
        assert.ok(at - killedAt < SOON_MS, `it took ${at - killedAt} ms`)
        await env.whenJob(id, 'completed')
        assertNoOverlap(runsOf([victim, survivor]), 'job')
      })

      test('sleeps, and dates the records of its orchestrations, by the right time', async (t) => {
        const env = await jobs(t)
        const trial = { ms: 1, napMs: DELAY_MS, config: { pollInterval: 200 } }
        const config = { ...env.config, orchestrations: { trial } }
        const worker = await startWorker(t, config, { env: maker.clock(seconds).env })
        const asked = now()
        const id = await env.queue.enqueue('trial', {})
        const { at } = await worker.next('woke')
        assert.ok(at - asked >= DELAY_MS && at - asked < DELAY_MS + SOON_MS, `it woke after ${at - asked} ms`)
        const { steps } = await env.whenJob(id, 'completed')
        assert.equal(steps.length, 6)
        for (const { name, ts } of steps) isAbout(ts, Date.now(), name)
        isAbout(steps.find(({ kind }) => kind === 'sleep').result, Date.now(), 'the end of the sleep')
      })

      test('keeps its lease, and the time, when its clock is set in the middle of a run', async (t) => {
        const env = await jobs(t)
        const clock = maker.clock(0)
        const worker = await startUnder(t, env, clock, busy)
        const id = await env.queue.enqueue('work', {})
        await worker.next('started')
        clock.set(seconds)
        isAbout(await worker.call('worker', 'now'), Date.now() + seconds * 1000, 'its clock')
        const later = await worker.call('queue', 'enqueue', 'other', {}, { delay: DELAY_MS })
        assert.equal((await env.whenJob(id, 'completed')).attempt, 1)
        assert.deepEqual(worker.all('event:lease-lost'), [])
        isAbout((await env.stored(later)).runAt, Date.now(), 'runAt')
      })
    })
  }
}
