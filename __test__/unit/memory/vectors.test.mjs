/** The reference model against the examples that the engine is tested with as well. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { DummyBackend } from 'durabl'

const NOW = Date.UTC(2024, 0, 1)
const KEY = 'the-key'
const { cases: retries } = vectors('retry')
const { cases: transitions } = vectors('transitions')
const { cases: dedupes } = vectors('dedupe')

function vectors(name) {
  return JSON.parse(readFileSync(new URL(`../../../engine/vectors/${name}.json`, import.meta.url), 'utf8'))
}

/** A backend whose time stands still until it is told. */
function arrange(random = 0) {
  const time = { now: NOW }
  const backend = new DummyBackend({ clock: () => time.now, random: () => random })
  return { backend, time }
}

describe('retry.json', () => {
  for (const { name, policy, attempt, random, delayMs } of retries) {
    test(name, async () => {
      const { backend } = arrange(random)
      await backend.enqueue('t', 1, {
        backoff: policy.backoff,
        backoffDelay: policy.delayMs,
        backoffMaxDelay: policy.maxDelayMs ?? undefined,
        maxAttempts: attempt + 1,
      })
      backend.jobs[0].attempt = attempt - 1
      const { id, claimToken } = await backend.claimNext('t')
      assert.deepEqual(await backend.fail(id, 'no', claimToken), { status: 'retry-scheduled' })
      assert.equal(backend.jobs[0].runAt.getTime() - NOW, delayMs)
    })
  }
})

/** A job as a transition finds it, and the one behind it. Jobs of these backends are live, so a state is simply set. */
async function arrangeJob(backend, { status, attempt, maxAttempts, dedupeScope, follower, marked }) {
  const options = { maxAttempts, ...(dedupeScope && { dedupeKey: KEY, dedupeScope }) }
  const { id, claimToken } = await backend.claimOrEnqueue('t', 'its data', options)
  const job = backend.jobs[0]
  Object.assign(job, { status, attempt, ...(marked && { cancelRequestedAt: new Date(NOW) }) })
  if (status === 'pending') delete job.claimToken
  if (follower) await backend.enqueue('t', 'follower', options)
  return { id, claimToken }
}

const withToken = {
  right: (claimToken) => [claimToken],
  wrong: () => ['wrong'],
  empty: () => [''],
  none: () => [],
}

function operate(backend, operation, id, token) {
  const reason = operation.startsWith('fail') ? ['a reason'] : []
  return backend[operation](id, ...reason, ...token)
}

function assertAfter(backend, after, follower) {
  const [job, behind] = backend.jobs
  assert.deepEqual(
    { status: job.status, attempt: job.attempt },
    { status: after.status, attempt: after.attempt },
  )
  if (after.runAt === 'backed-off') assert.ok(job.runAt.getTime() > NOW)
  else assert.equal(job.runAt.getTime(), NOW)
  if (after.ending !== undefined) assert.equal(job.ending, after.ending)
  assert.equal(behind?.status, follower ? 'pending' : undefined)
}

/** Public calls tell nothing of a cancellation that a settlement has carried out. */
const asTold = {
  fail: { status: 'failed-terminal' },
  release: { status: 'already-terminal', terminalStatus: 'failed' },
}

describe('transitions.json', () => {
  const VISIBILITY_MS = 1000
  const isRecovery = ({ operation }) => operation === 'recover'

  for (const { name, job, operation, token, result, after } of transitions.filter((it) => !isRecovery(it))) {
    test(name, async () => {
      const { backend } = arrange(0.5)
      const { id, claimToken } = job ? await arrangeJob(backend, job) : { id: 'nobody', claimToken: 'none' }
      const found = await operate(backend, operation, id, withToken[token](claimToken))
      assert.deepEqual(found, result.status === 'cancelled' ? asTold[operation] : result)
      if (job) assertAfter(backend, after, job.follower)
    })
  }

  for (const { name, job, lease, handled, after } of transitions.filter(isRecovery)) {
    test(name, async () => {
      const { backend, time } = arrange(0.5)
      await arrangeJob(backend, job)
      time.now += lease === 'expired' ? VISIBILITY_MS : VISIBILITY_MS - 1
      assert.equal(await backend.recoverStuckJobs(VISIBILITY_MS), handled)
      assertAfter(backend, after, job.follower)
    })
  }
})

describe('dedupe.json', () => {
  const under = (scope) => (scope ? { dedupeKey: KEY, dedupeScope: scope } : {})

  /** One after the other, each brought to its status before the next comes: an order in which keys allow all of them. */
  async function arrangeHolders(backend, holders) {
    for (const { status, scope, type, data } of holders) {
      assert.notEqual(await backend.enqueue(type, data, under(scope)), null)
      backend.jobs.at(-1).status = status
    }
  }

  const show = ({ status, dedupeScope, type, data }) => ({ status, scope: dedupeScope ?? null, type, data })

  for (const { name, holders, call, result, after } of dedupes) {
    test(name, async () => {
      const { backend } = arrange()
      await arrangeHolders(backend, holders)
      const { operation, type, scope, data, coalesce } = call
      const options = { ...under(scope), ...(coalesce && { coalesce: 'latest' }) }
      const calls = {
        enqueue: () => backend.enqueue(type, data, options),
        claimOrEnqueue: () => backend.claimOrEnqueue(type, data, options),
        claimNext: () => backend.claimNext(type),
        claimNextByKey: () => backend.claimNextByKey(type, KEY),
      }
      const found = await calls[operation]()
      assert.equal(kindOf(found), result === 'none' ? 'held' : result)
      assert.deepEqual(backend.jobs.map(show), after)
    })
  }

  /** The result of a call: null is "held" for a new job and "none" for a claim. */
  function kindOf(found) {
    if (found === null) return 'held'
    return typeof found === 'string' ? 'created' : 'claimed'
  }
})
