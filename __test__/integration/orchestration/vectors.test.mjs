/** One table of guards and of replays, over each driver and over `durabl/testing`. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { testOrchestration } from 'durabl/testing'
import { BACKENDS, QUICK, orchestrated } from './support/orchestrated.mjs'

const { guards, replays } = JSON.parse(
  readFileSync(new URL('../../../engine/vectors/journal.json', import.meta.url), 'utf8'),
)

class Custom {}

/** Values that JSON has no words for. */
const SPECIAL = {
  undefined: () => undefined,
  nan: () => NaN,
  date: () => new Date(5),
  bytes: () => Buffer.from([1, 2, 3]),
  bare: () => Object.assign(Object.create(null), { a: 1 }),
  proto: () => JSON.parse('{ "__proto__": { "a": 1 } }'),
  levels: ({ count }) => Array.from({ length: count - 1 }).reduce((within) => ({ a: within }), {}),
  function: () => () => {},
  symbol: () => Symbol('s'),
  bigint: () => 1n,
  // eslint-disable-next-line no-sparse-arrays -- the very thing
  hole: () => [1, , 3],
  map: () => new Map(),
  error: () => new Error('e'),
  promise: () => Promise.resolve(),
  class: () => new Custom(),
  cycle: () => {
    const value = {}
    return Object.assign(value, { self: value })
  },
  'bad-date': () => new Date(NaN),
}

function valueOf(encoded) {
  if (Array.isArray(encoded)) return encoded.map(valueOf)
  if (typeof encoded !== 'object' || encoded === null) return encoded
  if (encoded.$ !== undefined) return SPECIAL[encoded.$](encoded)
  return Object.fromEntries(Object.entries(encoded).map(([key, value]) => [key, valueOf(value)]))
}

/** Runs a call, or those of a branch. */
async function make(octx, [tool, name, more], ran) {
  const run = () => {
    ran.push(name)
    if (more === 'fails') throw new Error('no luck')
  }
  switch (tool) {
    case 'branch':
      return octx.branch(name, async (b) => {
        for (const call of more) await make(b, call, ran)
      })
    case 'sleep':
      return octx.sleepUntil(name, new Date(0))
    case 'map':
      return octx.map(
        name,
        Array.from({ length: more }, (_, n) => n),
        (n) => ran.push(`${name}[${n}]`),
      )
    default:
      return octx[tool](name, run)
  }
}

/** Runs a first attempt that fails in the end, and then another: by the harness. */
async function byHarness(first, then) {
  const under = testOrchestration(async (job, octx) => {
    await first(octx)
    throw new Error('crash')
  })
  const failed = await under.run().catch((error) => error)
  if (failed.message !== 'crash') return failed.message
  return under
    .resumeWith((job, octx) => then(octx))
    .then(
      () => null,
      (error) => error.message,
    )
}

/** The same by a driver; each pair of attempts is a job of a type of its own. */
const byDriver = (name) => async (t) => {
  const { orchestrator, queue, ended } = await orchestrated(t, name)
  let types = 0
  return async (first, then) => {
    const type = `t${(types += 1)}`
    orchestrator.define(type, async (job, octx) => {
      if (job.attempt > 1) return then(octx)
      await first(octx)
      throw new Error('crash')
    })
    const id = await queue.enqueue(type, {}, { ...QUICK, maxAttempts: 2 })
    const { status, failReason } = await ended(id)
    // A job that has completed still tells why its first attempt failed.
    return status === 'completed' ? null : failReason
  }
}

const WORLDS = {
  'durabl/testing': async () => byHarness,
  ...Object.fromEntries(BACKENDS.map((name) => [name, byDriver(name)])),
}

for (const [world, enter] of Object.entries(WORLDS)) {
  describe(world, () => {
    test('guards', async (t) => {
      const attempts = await enter(t)
      const answers = []
      for (const { name, value, refused } of guards) {
        const made = valueOf(value)
        const body = async (octx) => answers.push(await octx.step('s', () => made))
        const failure = await attempts(body, body)
        if (refused !== undefined) {
          assert.ok(failure?.includes(refused), `${name}: ${failure}`)
          assert.match(failure, /step "?s"?/)
        } else {
          assert.equal(failure, null, name)
          const [first, replayed] = answers.slice(-2)
          assert.equal(first, made, name)
          assertSame(replayed, made, name)
        }
      }
    })

    test('replays', async (t) => {
      const attempts = await enter(t)
      for (const { name, first, then, ran, diverges } of replays) {
        const calls = []
        const body = (list, log) => async (octx) => {
          for (const call of list) await make(octx, call, log)
        }
        const failure = await attempts(body(first, []), body(then, calls))
        assert.deepEqual(calls, ran, name)
        if (diverges === undefined) {
          assert.equal(failure, null, name)
          continue
        }
        assert.match(failure, /nondeterminism/i, name)
        for (const part of [diverges.seq, diverges.expected, diverges.actual])
          assert.ok(failure.includes(String(part)), `${name}: ${failure}`)
      }
    })
  })
}

/** Bytes come back as a `Binary`, and an object with a prototype. */
function assertSame(replayed, made, name) {
  const plain = (value) => {
    const bytes = Buffer.isBuffer(value) ? value : value?.buffer
    return JSON.stringify(bytes === undefined ? value : [...bytes.subarray(0, 3)])
  }
  assert.equal(plain(replayed), plain(made), name)
  assert.equal(replayed === undefined, made === undefined, name)
}
