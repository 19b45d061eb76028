/** One process under load with faults: briefly here, by `npm run soak` for as long as wanted. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { flatness } from './soak/flatness.mjs'
import { isAllThere, soak } from './soak/soak.mjs'

const MB = 1024 * 1024
const COUNT = 200

/** The samples of a process that runs 50 000 jobs from one to the next; `grown` is the growth of each measure. */
function samplesOf(grown) {
  return Array.from({ length: COUNT }, (_, n) => {
    const wobble = (n * 7919) % 13
    const held = {
      rss: (120 + wobble / 4) * MB,
      heap: (20 + wobble / 10) * MB,
      files: 38,
      sockets: 17 + (wobble % 3),
    }
    const counts = { threads: 13, handles: 2, tasks: 30 + 3 * wobble }
    const sample = { ...held, ...counts, completed: n * 50_000, failed: 0, superseded: 0 }
    for (const [name, each] of Object.entries(grown)) sample[name] += n * each
    return sample
  })
}

const grew = (grown) => {
  const { measures } = flatness(samplesOf(grown))
  return Object.keys(measures).filter((name) => !measures[name].isFlat)
}

describe('what a process holds', () => {
  test('is flat if it only goes up and down', () => assert.deepEqual(grew({}), []))

  for (const [name, each] of [
    ['rss', 0.2 * MB],
    ['heap', 0.2 * MB],
    ['files', 0.1],
    ['sockets', 0.1],
    ['threads', 0.05],
    ['handles', 0.1],
    ['tasks', 0.5],
  ])
    test(`is not if it leaks ${name}, slowly`, () => assert.deepEqual(grew({ [name]: each }), [name]))
})

describe('what a process did', () => {
  const DID = { acknowledged: 9, completed: 6, failed: 2, superseded: 1, pending: 0, active: 0, unsure: 0 }

  test('is all there if every acknowledged job has ended', () => assert.equal(isAllThere(DID), true))

  for (const [name, change] of Object.entries({
    'a job is open': { pending: 1, acknowledged: 10 },
    'an acknowledged job has vanished': { completed: 5 },
    'a job ended that no call had asked for': { completed: 7 },
  }))
    test(`is not if ${name}`, () => assert.equal(isAllThere({ ...DID, ...change }), false))

  test('may be more by the jobs of calls that were refused', () => {
    assert.equal(isAllThere({ ...DID, completed: 7, unsure: 1 }), true)
    assert.equal(isAllThere({ ...DID, completed: 8, unsure: 1 }), false)
  })
})

// The resources of a process are read from /proc.
if (process.platform === 'linux')
  test('a process under load with faults loses nothing, and opens no more than it closes', async (t) => {
    const { did, faults, measures } = await soak({ ms: 8000, sampleMs: 250, faultEveryMs: 1200 })
    const { acknowledged, completed, failed, superseded, pending, active, unsure } = did
    t.diagnostic(`${acknowledged} jobs, ${faults.length} faults`)
    assert.ok(acknowledged > 1000 && faults.length >= 5, 'that was no load')
    assert.deepEqual([pending, active, unsure], [0, 0, 0], 'some are open, or were refused')
    assert.equal(completed + failed + superseded, acknowledged)
    const streams = faults.filter(({ name }) => name === 'change streams killed')
    assert.ok(
      streams.some(({ effect }) => effect > 0),
      'no change stream was killed',
    )
    // So short a time is all warm-up to an allocator: memory is for longer ones.
    for (const name of ['files', 'sockets', 'threads', 'handles', 'tasks']) {
      const { first, second, isFlat } = measures[name]
      assert.ok(isFlat, `${name} went from ${first} to ${second}`)
    }
  })
