import assert from 'node:assert/strict'
import { letPass } from '../../support/time.mjs'

const INVALID = { code: 'ERR_DURABL_INVALID_ARGUMENT' }

/** All pages of a list, one after another. */
async function pages(backend, options) {
  const listed = []
  let after
  do {
    const page = await backend.listJobs({ ...options, after })
    assert.ok(page.jobs.length <= options.limit)
    listed.push(...page.jobs)
    after = page.next ?? undefined
  } while (after !== undefined)
  return listed
}

const idsOf = (jobs) => jobs.map(({ id }) => id)

/** Enqueues a job, and ends it as `end` does. */
async function ended(backend, type, end, data = {}, options = {}) {
  const id = await backend.enqueue(type, data, options)
  const { claimToken } = await backend.claimNext(type)
  await end(id, claimToken)
  return id
}

export default {
  async 'a job is got by its id, with its log and how it ended, and without its claim token'({ backend }) {
    const id = await backend.enqueue('t', { n: 1 }, { priority: 4, maxAttempts: 1 })
    const waiting = await backend.getJob(id)
    assert.deepEqual([waiting.id, waiting.data, waiting.status], [id, { n: 1 }, 'pending'])
    assert.deepEqual([waiting.errors, waiting.logs, waiting.ending], [[], [], undefined])
    const { claimToken } = await backend.claimNext('t')
    await backend.log(id, 'on it', claimToken)
    assert.equal('claimToken' in (await backend.getJob(id)), false)
    await backend.fail(id, 'it broke', claimToken)
    const failed = await backend.getJob(id)
    assert.deepEqual([failed.status, failed.ending, failed.failReason], ['failed', 'exhausted', 'it broke'])
    assert.equal(failed.logs[0].message, 'on it')
    assert.equal('claimToken' in failed, false)
    assert.equal(await backend.getJob('nobody'), null)
  },

  async 'how a job ended is shown for each status'({ backend }) {
    const endingOf = async (id) => (await backend.getJob(id)).ending
    const done = await ended(backend, 't', (id, token) => backend.complete(id, token))
    assert.equal(await endingOf(done), 'completed')
    const fatal = await ended(backend, 't', (id, token) => backend.failFatal(id, 'no', token))
    assert.equal(await endingOf(fatal), 'fatal')
    const exhausted = await ended(
      backend,
      't',
      (id, token) => backend.fail(id, 'no', token),
      {},
      { maxAttempts: 1 },
    )
    assert.equal(await endingOf(exhausted), 'exhausted')
    const key = { dedupeKey: 'k', dedupeScope: 'pending' }
    const superseded = await ended(
      backend,
      't',
      async (id, token) => {
        await backend.enqueue('t', {}, key)
        await backend.release(id, token)
      },
      {},
      key,
    )
    assert.equal(await endingOf(superseded), 'superseded')
    assert.deepEqual(idsOf((await backend.listJobs({ status: 'superseded' })).jobs), [superseded])
  },

  async 'pending jobs are listed in the order in which they are claimed, without their payloads'({
    backend,
  }) {
    const later = await backend.enqueue('t', { a: 1 }, { delay: 60_000 })
    const low = await backend.enqueue('t', { a: 1 }, { priority: 5 })
    const urgent = await backend.enqueue('u', { a: 1 }, { priority: -5, dedupeKey: 'k', delay: 60_000 })
    const order = [urgent, later, low]
    for (const limit of [1, 2, 3, 50]) {
      assert.deepEqual(idsOf(await pages(backend, { status: 'pending', limit })), order)
      assert.deepEqual(idsOf(await pages(backend, { status: 'pending', type: ['u', 't'], limit })), order)
    }
    assert.deepEqual(idsOf(await pages(backend, { status: 'pending', type: 't', limit: 1 })), [later, low])
    const page = await backend.listJobs({ status: 'pending' })
    assert.equal(page.status, 'complete')
    assert.equal(page.next, null)
    const [first] = page.jobs
    assert.deepEqual([first.type, first.priority, first.dedupeKey, first.attempt], ['u', -5, 'k', 0])
    for (const job of page.jobs)
      for (const name of ['data', 'logs', 'claimToken']) assert.equal(name in job, false)
  },

  async 'ended jobs are listed newest first, each once'({ backend }) {
    const ids = []
    for (let number = 0; number < 23; number += 1) {
      ids.push(await ended(backend, `t${number % 3}`, (id, token) => backend.complete(id, token)))
      if (number % 5 === 0) await letPass(2, 'jobs that end at different moments have an order')
    }
    for (const limit of [1, 4, 7, 100]) {
      const listed = await pages(backend, { status: 'completed', limit })
      assert.deepEqual(idsOf(listed).sort(), [...ids].sort())
      const times = listed.map(({ completedAt }) => completedAt.getTime())
      assert.deepEqual(
        times,
        [...times].sort((one, other) => other - one),
      )
      assert.ok(listed.every(({ ending }) => ending === 'completed'))
    }
  },

  async 'active jobs are one page, and its end is told'({ backend }) {
    for (let number = 0; number < 3; number += 1) await backend.enqueue('t', {})
    for (let number = 0; number < 3; number += 1) await backend.claimNext('t')
    const all = await backend.listJobs({ status: 'active' })
    assert.deepEqual([all.jobs.length, all.next, all.status], [3, null, 'complete'])
    const some = await backend.listJobs({ status: 'active', limit: 2 })
    assert.deepEqual([some.jobs.length, some.next, some.status], [2, null, 'stopped'])
  },

  async 'jobs are listed by their key'({ backend }) {
    const id = await backend.enqueue('t', {}, { dedupeKey: 'k' })
    await backend.enqueue('t', {}, { dedupeKey: 'l' })
    await backend.enqueue('t', {})
    const listed = async (options) => idsOf((await backend.listJobs({ dedupeKey: 'k', ...options })).jobs)
    assert.deepEqual(await listed({ status: 'pending' }), [id])
    assert.deepEqual(await listed({ status: 'pending', type: 'u' }), [])
    assert.deepEqual(await listed({ status: 'active' }), [])
    const { claimToken } = await backend.claimNextByKey('t', 'k')
    await backend.failFatal(id, 'no', claimToken)
    assert.deepEqual(await listed({ status: 'failed' }), [id])
  },

  async 'jobs are found by fields of their payloads'({ backend }) {
    const ids = []
    for (let number = 0; number < 12; number += 1) {
      const data = { n: number % 3, when: new Date(number % 2), list: [{ x: number }, { x: -1 }], none: null }
      ids.push(await ended(backend, 't', (id, token) => backend.failFatal(id, 'no', token), data))
    }
    const found = async (where, limit) =>
      idsOf(await pages(backend, { status: 'failed', where, limit })).sort()
    const those = (isWanted) => ids.filter((_, number) => isWanted(number)).sort()
    for (const limit of [1, 5, 50]) {
      assert.deepEqual(
        await found({ 'data.n': 1 }, limit),
        those((number) => number % 3 === 1),
      )
      assert.deepEqual(
        await found({ 'data.n': 1, 'data.when': new Date(0) }, limit),
        those((n) => n % 3 === 1 && n % 2 === 0),
      )
      assert.deepEqual(await found({ 'data.list.x': 7 }, limit), [ids[7]])
      assert.deepEqual(
        await found({ 'data.none': null }, limit),
        those(() => true),
      )
      assert.deepEqual(await found({ 'data.n': 7 }, limit), [])
    }
    const page = await backend.listJobs({ status: 'failed', where: { 'data.n': 7 } })
    // With an index of the app there may be nothing to look at.
    const { looked, ...rest } = page
    assert.ok(looked === 12 || looked === 0)
    assert.deepEqual(rest, { jobs: [], next: null, status: 'complete' })
  },

  async 'a list refuses malformed options, by name'({ backend, makeQueue }) {
    const queue = makeQueue()
    const refused = {
      status: [undefined, 'done', { $ne: 'x' }, 3],
      type: ['', { $gt: '' }, [], [''], 7, [{}]],
      dedupeKey: ['', { $gt: '' }],
      where: [
        'data.a',
        { a: 1 },
        { $where: 'true' },
        { 'data.$a': 1 },
        { 'data.a': { $gt: 1 } },
        { 'data.a': [1] },
        { 'data.a': undefined },
        { 'data.a': () => {} },
      ],
      limit: [0, -1, 1.5, 2001, '5', Number.NaN, Infinity],
      after: ['', {}, 'not a cursor', 'AAAA', Buffer.from('{}').toString('base64url'), 7],
      unknown: [1],
    }
    for (const [name, values] of Object.entries(refused)) {
      for (const value of values) {
        const options = { status: 'pending', [name]: value }
        for (const caller of [backend, queue]) {
          await assert.rejects(
            async () => caller.listJobs(options),
            (error) => {
              assert.equal(error.code, INVALID.code, `${name}: ${String(value)}`)
              assert.ok(error.message.includes(name), error.message)
              return true
            },
          )
        }
      }
    }
    for (const id of ['', {}, undefined, 7, ['a'], 'a\0']) {
      await assert.rejects(async () => queue.getJob(id), INVALID)
      await assert.rejects(async () => backend.getJob(id), INVALID)
      await assert.rejects(async () => queue.waitFor(id), INVALID)
    }
    for (const options of [
      { timeoutMs: -1 },
      { timeoutMs: '5' },
      { signal: {} },
      { signal: null },
      { wait: 1 },
      7,
    ]) {
      await assert.rejects(async () => queue.waitFor('a', options), INVALID)
    }
  },

  async 'a cursor holds for its own query'({ backend }) {
    for (let number = 0; number < 3; number += 1) await backend.enqueue('t', {})
    const { next } = await backend.listJobs({ status: 'pending', limit: 1 })
    for (const options of [
      { status: 'failed' },
      { status: 'active' },
      { status: 'pending', type: 't' },
      { status: 'pending', dedupeKey: 'k' },
      { status: 'pending', where: { 'data.a': 1 } },
    ]) {
      await assert.rejects(async () => backend.listJobs({ ...options, after: next }), INVALID)
    }
    assert.equal((await backend.listJobs({ status: 'pending', limit: 2, after: next })).jobs.length, 2)
  },

  async 'the end of a job is waited for, however it ends'({ backend, makeQueue, arrival }) {
    const queue = makeQueue()
    const waited = (id, options) => arrival('the end of the job', queue.waitFor(id, options))
    const done = await backend.enqueue('t', {})
    const waiting = waited(done)
    const { claimToken } = await backend.claimNext('t')
    await backend.complete(done, claimToken)
    assert.deepEqual(await waiting, { status: 'completed', result: undefined })
    // Those that have ended before the call.
    assert.deepEqual(await waited(done), { status: 'completed', result: undefined })
    const failed = await ended(backend, 't', (id, token) => backend.failFatal(id, 'no', token))
    assert.deepEqual(await waited(failed), { status: 'failed', ending: 'fatal', failReason: 'no' })
    assert.deepEqual(await waited('nobody'), { status: 'not-found' })
    const pending = await backend.enqueue('t', {})
    assert.deepEqual(await waited(pending, { timeoutMs: 0 }), { status: 'timed-out' })
    assert.deepEqual(await waited(pending, { timeoutMs: 120 }), { status: 'timed-out' })
    assert.deepEqual(await waited(done, { timeoutMs: 0 }), { status: 'completed', result: undefined })
  },

  async 'a wait ends with its signal, and with the queue'({ backend, makeQueue, arrival }) {
    const queue = makeQueue()
    const id = await backend.enqueue('t', {})
    const reason = new Error('enough')
    await assert.rejects(
      queue.waitFor(id, { signal: AbortSignal.abort(reason) }),
      (error) => error === reason,
    )
    const aborting = new AbortController()
    const waiting = queue.waitFor(id, { signal: aborting.signal })
    aborting.abort(reason)
    await assert.rejects(arrival('the rejection', waiting), (error) => error === reason)
    const endless = queue.waitFor(id)
    const [outcome] = await Promise.all([
      assert.rejects(arrival('the rejection', endless), { code: 'ERR_DURABL_SHUT_DOWN' }),
      queue.shutdown(0),
    ])
    assert.equal(outcome, undefined)
    await assert.rejects(async () => queue.waitFor(id), { code: 'ERR_DURABL_SHUT_DOWN' })
  },

  async 'a job that a processor of the same queue runs is waited for'({ backend, makeQueue, arrival }) {
    const queue = makeQueue()
    queue.process('t', async (job) => {
      if (job.data.fails) throw new Error('it broke')
    })
    const good = await queue.enqueue('t', {})
    assert.equal((await arrival('its end', queue.waitFor(good))).status, 'completed')
    const bad = await queue.enqueue('t', { fails: true }, { maxAttempts: 1 }).catch(async () => {
      // Where jobs run within `enqueue`, their failures come out of it.
      return (await backend.listJobs({ status: 'failed' })).jobs[0].id
    })
    assert.deepEqual(await arrival('its end', queue.waitFor(bad)), {
      status: 'failed',
      ending: 'exhausted',
      failReason: 'it broke',
    })
  },
}
