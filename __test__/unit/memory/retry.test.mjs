/** Retries spread, within their bounds, whatever the random numbers. Exact values are in the shared vectors. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DummyBackend } from 'durabl'

/** The waits of a job before its first retries. */
async function waits(options, random, attempts = 12) {
  const time = { now: 0 }
  const backend = new DummyBackend({ clock: () => time.now, random: () => random })
  await backend.enqueue('t', null, { maxAttempts: attempts + 1, ...options })
  const measured = []
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    const { id, claimToken } = await backend.claimNext('t')
    await backend.fail(id, 'no', claimToken)
    const runAt = backend.jobs[0].runAt.getTime()
    measured.push(runAt - time.now)
    time.now = runAt
  }
  return measured
}

const POLICIES = [
  {},
  { backoff: 'fixed' },
  { backoffDelay: 10, backoffMaxDelay: 500 },
  { backoffDelay: 5000, backoffMaxDelay: 100 },
  { backoff: 'fixed', backoffDelay: 250, backoffMaxDelay: 260 },
  { backoffDelay: 0 },
]
const RANDOMS = [0, 0.001, 0.25, 0.5, 0.75, 0.999999]

for (const policy of POLICIES) {
  const base = policy.backoffDelay ?? 1000
  // A tenth may come on top, so that retries spread whatever the cap.
  const cap = Math.max(base * 1.1, policy.backoffMaxDelay ?? 60_000)

  test(`no wait is below backoffDelay or above the cap: ${JSON.stringify(policy)}`, async () => {
    for (const random of RANDOMS) {
      for (const wait of await waits(policy, random)) assert.ok(wait >= base && wait <= cap, `${wait} ms`)
    }
  })
}

test('no wait is longer than twice the previous ceiling', async () => {
  const longest = await waits({}, 0.999999)
  let ceiling = 1000
  for (const wait of longest) {
    ceiling = Math.min(60_000, ceiling * 2)
    assert.ok(wait <= ceiling && wait > ceiling * 0.99, `${wait} ms under a ceiling of ${ceiling}`)
  }
})

test('the first retry is spread already', async () => {
  const firsts = await Promise.all([0, 0.5, 0.999].map(async (random) => (await waits({}, random, 1))[0]))
  assert.deepEqual(firsts, [1000, 1500, 1999])
})

test('a fixed back-off stays within a tenth of its delay', async () => {
  for (const wait of await waits({ backoff: 'fixed', backoffDelay: 2000 }, 0.999)) assert.equal(wait, 2199)
})

test('jobs that fail together come back apart', async () => {
  const backend = new DummyBackend({ clock: () => 0 })
  for (let n = 0; n < 50; n += 1) await backend.enqueue('t', n)
  for (let n = 0; n < 50; n += 1) {
    const { id, claimToken } = await backend.claimNext('t')
    await backend.fail(id, 'no', claimToken)
  }
  const moments = new Set(backend.jobs.map((job) => job.runAt.getTime()))
  assert.ok(moments.size > 30, `50 jobs at ${moments.size} moments`)
})

test('an exponential back-off of a minute grows, and is spread', async () => {
  const longest = await waits({ backoffDelay: 60_000 }, 0.999999, 3)
  assert.deepEqual(
    longest.map((wait) => Math.round(wait / 60_000)),
    [2, 4, 8],
  )
})
