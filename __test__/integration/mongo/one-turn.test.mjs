/** Enqueues of one turn of the event loop travel to the engine together. Each job keeps its own settings all the same. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { jobs } from '../../support/jobs.mjs'

const [IN_A_MINUTE, IN_TWO_MINUTES] = [60_000, 120_000].map((ms) => new Date(Date.now() + ms))
const SINGLE_FLIGHT = { dedupeScope: 'pending' }

const traced = (digit) => ({ traceparent: `00-${digit.repeat(32)}-${digit.repeat(16)}-01` })

/** For each option, two settings of a job that differ only in it: a type, options, whether there is a key or an own id. */
const PAIRS = {
  type: [{ type: 'one' }, { type: 'other' }],
  id: [{}, { hasId: true }],
  priority: [{ options: { priority: 1 } }, { options: { priority: 2 } }],
  delay: [{ options: { delay: 60_000 } }, { options: { delay: 120_000 } }],
  runAt: [{ options: { runAt: IN_A_MINUTE } }, { options: { runAt: IN_TWO_MINUTES } }],
  maxAttempts: [{ options: { maxAttempts: 4 } }, { options: { maxAttempts: 5 } }],
  dedupeKey: [{}, { hasKey: true }],
  dedupeScope: [{ hasKey: true }, { hasKey: true, options: SINGLE_FLIGHT }],
  dedupeForMs: [
    { hasKey: true, options: { dedupeForMs: 60_000 } },
    { hasKey: true, options: { dedupeForMs: 120_000 } },
  ],
  coalesce: [
    { hasKey: true, options: SINGLE_FLIGHT },
    { hasKey: true, options: { ...SINGLE_FLIGHT, coalesce: 'latest' } },
  ],
  timeoutMs: [{ options: { timeoutMs: 1000 } }, { options: { timeoutMs: 2000 } }],
  expiresInMs: [{ options: { expiresInMs: 60_000 } }, { options: { expiresInMs: 120_000 } }],
  backoff: [{ options: { backoff: 'fixed' } }, { options: { backoff: 'exponential' } }],
  backoffDelay: [{ options: { backoffDelay: 10 } }, { options: { backoffDelay: 20 } }],
  backoffMaxDelay: [{ options: { backoffMaxDelay: 1000 } }, { options: { backoffMaxDelay: 2000 } }],
  trace: [{ options: { trace: traced('1') } }, { options: { trace: traced('2') } }],
}

/** Each after each, in both orders. */
const ORDER = [0, 1, 0, 0, 1, 1, 0]

/** The arguments of an enqueue. */
function call({ type = 't', options = {}, hasKey = false, hasId = false }, key) {
  const own = { ...(hasKey && { dedupeKey: key }), ...(hasId && { id: key }) }
  return [type, { from: key }, { ...options, ...own }]
}

/** The options that differ from job to job, however alike their other settings are. */
const OWN = ['_id', 'createdAt', 'updatedAt', 'data', 'dedupeKey']
/** Moments, which are compared by their distance. */
const MOMENTS = ['runAt', 'dedupeUntil', 'expiresAt']

/** The settings of a stored job. */
function settingsOf(job) {
  const shared = Object.fromEntries(Object.entries(job).filter(([field]) => !OWN.includes(field)))
  for (const field of MOMENTS.filter((name) => name in shared))
    shared[field] = Math.round((job[field] - job.createdAt) / 10_000)
  const hasId = job._id === job.data.from
  return { ...shared, hasKey: job.dedupeKey !== undefined, hasId }
}

for (const [name, pair] of Object.entries(PAIRS)) {
  test(`two enqueues of one turn that differ only in ${name} make different jobs`, async (t) => {
    const { backend, stored } = await jobs(t)
    const alone = []
    for (const [n, settings] of pair.entries())
      alone.push(settingsOf(await stored(await backend.enqueue(...call(settings, `alone ${n}`)))))
    const ids = await Promise.all(ORDER.map((n, i) => backend.enqueue(...call(pair[n], `together ${i}`))))
    for (const [i, n] of ORDER.entries())
      assert.deepEqual(settingsOf(await stored(ids[i])), alone[n], `job ${i} of the turn`)
  })
}

test('two enqueues of one turn that differ only in coalesce replace their own payloads only', async (t) => {
  const { backend, collection } = await jobs(t)
  const keys = ORDER.map((_, i) => `key ${i}`)
  for (const key of keys) await backend.enqueue('t', 'old', { ...SINGLE_FLIGHT, dedupeKey: key })
  await Promise.all(
    ORDER.map((n, i) =>
      backend.enqueue('t', 'new', {
        ...SINGLE_FLIGHT,
        dedupeKey: keys[i],
        ...(n === 1 && { coalesce: 'latest' }),
      }),
    ),
  )
  const payloads = await collection.find({}).sort({ dedupeKey: 1 }).toArray()
  assert.deepEqual(
    payloads.map(({ data }) => data),
    ORDER.map((n) => (n === 1 ? 'new' : 'old')),
  )
})

test('every option of an enqueue has its pair above', async (t) => {
  const { backend } = await jobs(t)
  const refusal = await backend.enqueue('t', {}, { '?': 1 }).catch((error) => error.message)
  const options = refusal.match(/known are (.*)$/)[1].split(', ')
  // A job with a session is written by the app's own driver, and travels with no other.
  const expected = ['type', ...options.filter((name) => name !== 'session')]
  assert.deepEqual(Object.keys(PAIRS), expected)
})
