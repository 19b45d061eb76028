/** The moments at which the reaper of each processor sweeps. */
import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { Reaper } from '../../../dist/engine/reaper.js'
import { deferred, settled } from '../../support/async.mjs'
import { silentLogger } from '../../support/loggers.mjs'

beforeEach((t) => t.mock.timers.enable({ apis: ['setTimeout'] }))

describe('sweeps by default', () => {
  /** The moments of the sweeps of a reaper, with chance as it is given. */
  async function moments(t, chance, use = (reaper) => reaper.startJittered(10_000)) {
    t.mock.method(Math, 'random', () => chance)
    const seen = []
    let now = 0
    const report = { logger: silentLogger, recovered: () => {}, recoveryFailed: () => {} }
    const recoverStuckJobs = async () => void seen.push(now)
    const reaper = new Reaper({ backend: { recoverStuckJobs }, report, visibilityTimeoutMs: 10_000 })
    await use(reaper)
    for (; now <= 40_000; now += 1000) {
      await settled()
      t.mock.timers.tick(1000)
    }
    reaper.stop()
    return seen
  }

  it('begin with a part of the interval, and vary by a fifth', async (t) => {
    assert.deepEqual(await moments(t, 0), [0, 8000, 16_000, 24_000, 32_000, 40_000])
  })

  it('vary to both sides', async (t) => {
    // The last step of a second in which each of them falls.
    assert.deepEqual(await moments(t, 1), [9000, 21_000, 33_000])
  })

  it('are begun once, however many processors there are', async (t) => {
    const twice = (reaper) => {
      reaper.startJittered(10_000)
      reaper.startJittered(10_000)
    }
    assert.equal((await moments(t, 0, twice)).length, 6)
  })
})

for (const start of ['start', 'startJittered'])
  it(`${start} after a stop leaves no sweeps of before, though one was under way`, async (t) => {
    t.mock.method(Math, 'random', () => 0.5)
    const gates = []
    let isGated = true
    let sweeps = 0
    const recoverStuckJobs = () => {
      sweeps += 1
      if (!isGated) return 0
      const gate = deferred()
      gates.push(gate)
      return gate.promise
    }
    const report = { logger: silentLogger, recovered: () => {}, recoveryFailed: () => {} }
    const reaper = new Reaper({ backend: { recoverStuckJobs }, report, visibilityTimeoutMs: 10_000 })
    void reaper[start](10_000)
    t.mock.timers.tick(5000)
    reaper.stop()
    void reaper[start](10_000)
    t.mock.timers.tick(5000)
    isGated = false
    for (const gate of gates) gate.resolve(0)
    await settled()
    sweeps = 0
    for (let second = 0; second < 30; second += 1) {
      t.mock.timers.tick(1000)
      await settled()
    }
    reaper.stop()
    assert.equal(sweeps, 3)
  })
