import assert from 'node:assert/strict'
import { JournalTooLarge, NonSerializableStepResult, NondeterminismError } from 'durabl'
import { EXCLUSIVE, SINGLE_FLIGHT } from '../support.mjs'

const record = (seq, name, result = null) => ({ seq, name, result, ts: new Date() })

async function claimed(backend, options) {
  await backend.enqueue('t', {}, options)
  return backend.claimNext('t')
}

const stepsOf = async (backend, id) =>
  (await backend.readSteps(id)).map(({ seq, name, result }) => [seq, name, result])

/** The stored job, past `findOne`. */
const whole = async (backend, id) => ({
  ...(backend.jobs?.find((job) => job.id === id) ?? (await backend.getCollection().findOne({ _id: id }))),
})

class Custom {}

export default {
  async 'a record is appended under its claim, and read back by ascending place'({ backend }) {
    const { id, claimToken } = await claimed(backend)
    assert.deepEqual(await backend.readSteps(id), [])
    for (const seq of [2, 0, 1, -1]) {
      const appended = await backend.appendStep(id, claimToken, record(seq, `s${seq}`, { n: seq }))
      assert.deepEqual(appended, { status: 'appended' })
    }
    assert.deepEqual(await stepsOf(backend, id), [
      [-1, 's-1', { n: -1 }],
      [0, 's0', { n: 0 }],
      [1, 's1', { n: 1 }],
      [2, 's2', { n: 2 }],
    ])
    const [first] = await backend.readSteps(id)
    assert.ok(Math.abs(first.ts.getTime() - Date.now()) < 60_000)
    assert.deepEqual(Object.keys(first), ['seq', 'name', 'result', 'ts'])
  },

  async 'a wait between two tries stands beside the steps, at a place of its own'({ backend }) {
    const { id, claimToken } = await claimed(backend)
    const wait = (failed) => ({
      ...record(-2, 'flaky', new Date(failed)),
      ...{ path: `0.${failed}`, kind: 'retry' },
    })
    assert.deepEqual(await backend.appendStep(id, claimToken, wait(1)), { status: 'appended' })
    assert.deepEqual(await backend.appendStep(id, claimToken, wait(2)), { status: 'appended' })
    const again = await backend.appendStep(id, claimToken, { ...wait(2), result: new Date(9) })
    assert.deepEqual([again.status, again.existing.result], ['already-recorded', new Date(2)])
    assert.deepEqual(await backend.appendStep(id, claimToken, record(0, 'flaky')), { status: 'appended' })
    const found = (await backend.readSteps(id)).map(({ seq, path, kind }) => [seq, path, kind])
    assert.deepEqual(found, [
      [0, undefined, undefined],
      [-2, '0.1', 'retry'],
      [-2, '0.2', 'retry'],
    ])
  },

  async 'a journal is private: findOne shows none'({ backend }) {
    const { id, claimToken } = await claimed(backend)
    await backend.appendStep(id, claimToken, record(0, 'a'))
    const found = await backend.findOne({ id })
    assert.equal('steps' in found || 'journalBytes' in found, false)
  },

  async 'an append renews the lease, and its bytes are counted'({ backend, until }) {
    const { id, claimToken, claimedAt } = await claimed(backend)
    await until('the clock has moved', () => Date.now() > claimedAt.getTime() + 5)
    await backend.appendStep(id, claimToken, record(0, 'a', 'x'.repeat(1000)))
    const one = await whole(backend, id)
    assert.ok(one.claimedAt > claimedAt)
    assert.ok(one.journalBytes > 1000 && one.journalBytes < 1100, `${one.journalBytes}`)
    await backend.appendStep(id, claimToken, record(1, 'b', 'x'.repeat(1000)))
    assert.ok((await whole(backend, id)).journalBytes > one.journalBytes + 1000)
  },

  async 'an append under another claim changes nothing'({ backend }) {
    const { id, claimToken } = await claimed(backend)
    const before = await whole(backend, id)
    const claimedAt = before.claimedAt.getTime()
    assert.deepEqual(await backend.appendStep(id, 'other', record(0, 'a')), { status: 'lease-lost' })
    assert.deepEqual(await backend.appendStep('unknown', claimToken, record(0, 'a')), {
      status: 'lease-lost',
    })
    assert.deepEqual(await backend.readSteps(id), [])
    assert.equal((await whole(backend, id)).claimedAt.getTime(), claimedAt)
    await backend.release(id, claimToken)
    assert.deepEqual(await backend.appendStep(id, claimToken, record(0, 'a')), { status: 'lease-lost' })
    assert.deepEqual(await backend.appendStep(id, claimToken, record(0, 'a', new Custom())), {
      status: 'lease-lost',
    })
    const again = await backend.claimNext('t')
    assert.equal(again.attempt, 1)
    assert.deepEqual(await backend.appendStep(id, claimToken, record(0, 'a')), { status: 'lease-lost' })
  },

  async 'a place is recorded once: the same name finds it, another name diverges'({ backend }) {
    const { id, claimToken } = await claimed(backend)
    await backend.appendStep(id, claimToken, record(0, 'a', 'first'))
    const found = await backend.appendStep(id, claimToken, record(0, 'a', 'second'))
    assert.equal(found.status, 'already-recorded')
    assert.deepEqual([found.existing.seq, found.existing.name, found.existing.result], [0, 'a', 'first'])
    for (const name of ['b', 'A']) {
      const diverged = await backend.appendStep(id, claimToken, record(0, name)).catch((error) => error)
      assert.ok(diverged instanceof NondeterminismError)
      assert.deepEqual(
        [diverged.jobId, diverged.seq, diverged.expected, diverged.actual, diverged.code],
        [id, 0, 'a', name, 'ERR_DURABL_NONDETERMINISM'],
      )
      assert.match(diverged.message, new RegExp(`nondeterminism.*${id}.*0.*"a".*"${name}"`))
    }
    assert.deepEqual(await stepsOf(backend, id), [[0, 'a', 'first']])
  },

  async 'places within branches are apart from each other'({ backend }) {
    const { id, claimToken } = await claimed(backend)
    for (const path of [undefined, '0', '0.1', '1'])
      await backend.appendStep(id, claimToken, { ...record(0, `in ${path}`), ...(path && { path }) })
    const steps = await backend.readSteps(id)
    assert.deepEqual(
      steps.map(({ path, name }) => [path, name]),
      [
        [undefined, 'in undefined'],
        ['0', 'in 0'],
        ['0.1', 'in 0.1'],
        ['1', 'in 1'],
      ],
    )
  },

  async 'appends at once are all recorded, each place once'({ backend }) {
    const { id, claimToken } = await claimed(backend)
    const places = Array.from({ length: 30 }, (_, n) => n)
    const twice = [...places, ...places]
    const found = await Promise.all(
      twice.map((seq) => backend.appendStep(id, claimToken, record(seq, 's', seq))),
    )
    assert.equal(found.filter(({ status }) => status === 'appended').length >= places.length, true)
    assert.deepEqual(
      await stepsOf(backend, id),
      places.map((seq) => [seq, 's', seq]),
    )
    const { steps } = await whole(backend, id)
    assert.equal(steps.length, places.length)
  },

  async 'values of JSON and dates are kept'({ backend }) {
    const { id, claimToken } = await claimed(backend)
    const value = {
      s: 'é',
      n: 1.5,
      i: -7,
      b: false,
      z: null,
      d: new Date(5),
      a: [1, [2, { x: [] }]],
      o: { p: {} },
    }
    const values = ['', 0, true, null, new Date(7), [], {}, value]
    for (const [seq, result] of values.entries())
      await backend.appendStep(id, claimToken, record(seq, 's', result))
    assert.deepEqual(
      (await backend.readSteps(id)).map(({ result }) => result),
      values,
    )
  },

  async 'values that would not come back are refused by step, kind and path'({ backend }) {
    const { id, claimToken } = await claimed(backend)
    const circle = { in: {} }
    circle.in.out = circle
    const deep = Array.from({ length: 250 }).reduce((inner) => ({ inner }), 1)
    const holes = [1]
    holes[2] = 3
    for (const [result, kind] of [
      [() => {}, '<result> is a function'],
      [{ a: [Symbol('x')] }, '<result>.a[0] is a symbol'],
      [1n, '<result> is a bigint'],
      [{ a: undefined }, '<result>.a is undefined'],
      [[undefined], '<result>[0] is undefined'],
      [new Custom(), '<result> is an instance of class Custom'],
      [{ m: new Map() }, '<result>.m is an instance of class Map'],
      [new Error('x'), '<result> is an Error'],
      [Promise.resolve(), '<result> is a promise'],
      [new Date(NaN), '<result> is an invalid Date'],
      [circle, '<result>.in.out is a reference'],
      [deep, 'levels deep'],
      [holes, '<result>[1] is a hole'],
      [{ 'a\0b': 1 }, 'a null character'],
    ]) {
      const refused = await backend.appendStep(id, claimToken, record(0, 'odd', result)).catch((e) => e)
      assert.ok(refused instanceof NonSerializableStepResult, `${kind}: ${refused}`)
      assert.equal(refused.step, 'odd')
      assert.ok(refused.message.includes('odd') && refused.message.includes(kind), `${refused.message}`)
    }
    assert.deepEqual(await backend.readSteps(id), [])
  },

  async 'a record that does not fit is refused, and nothing is written'({ backend }) {
    const { id, claimToken } = await claimed(backend)
    await backend.appendStep(id, claimToken, record(0, 'fits', 'x'.repeat(7_900_000)))
    const before = (await whole(backend, id)).journalBytes
    for (const size of [9_000_000, 200_000]) {
      const refused = await backend
        .appendStep(id, claimToken, record(1, 'large', 'x'.repeat(size)))
        .catch((error) => error)
      assert.ok(refused instanceof JournalTooLarge, `${refused}`)
      assert.equal(refused.step, 'large')
      assert.ok(refused.approxBytes > 8_000_000)
      assert.ok(refused.message.includes('large') && refused.message.includes(String(refused.approxBytes)))
    }
    assert.equal((await whole(backend, id)).journalBytes, before)
    assert.deepEqual(await backend.appendStep(id, claimToken, record(1, 'small', 1)), { status: 'appended' })
  },

  async 'large results that may spill are read back, and take next to nothing of the limit'({ backend }) {
    const { id, claimToken } = await claimed(backend)
    const spill = { spill: true }
    const results = [0, 1, 2].map((n) => ({ n, text: 'x'.repeat(7_000_000), at: new Date(n) }))
    for (const [seq, result] of results.entries())
      assert.deepEqual(await backend.appendStep(id, claimToken, record(seq, 's', result), spill), {
        status: 'appended',
      })
    assert.ok((await whole(backend, id)).journalBytes < 1_000)
    assert.deepEqual(
      await stepsOf(backend, id),
      results.map((result, seq) => [seq, 's', result]),
    )
    const found = await backend.appendStep(id, claimToken, record(1, 's', 'another'), spill)
    assert.deepEqual([found.status, found.existing?.result], ['already-recorded', results[1]])
    const diverged = await backend.appendStep(id, claimToken, record(1, 'another'), spill).catch((e) => e)
    assert.ok(diverged instanceof NondeterminismError && diverged.expected === 's', `${diverged}`)
    // Without the option each counts whole.
    await backend.appendStep(id, claimToken, record(3, 's', 'x'.repeat(7_000_000)))
    const refused = await backend.appendStep(id, claimToken, record(4, 's', results[0])).catch((e) => e)
    assert.ok(refused instanceof JournalTooLarge, `${refused}`)
  },

  async 'small results that may spill count whole until the journal is large'({ backend }) {
    const { id, claimToken } = await claimed(backend)
    const append = (seq, result) =>
      backend.appendStep(id, claimToken, record(seq, 's', result), { spill: true })
    await append(0, 'x'.repeat(1_000))
    const one = (await whole(backend, id)).journalBytes
    assert.ok(one > 1_000 && one < 1_100, `${one}`)
    for (let seq = 1; seq <= 30; seq += 1) await append(seq, 'x'.repeat(10_000))
    const many = (await whole(backend, id)).journalBytes
    assert.ok(many > 250_000 && many < 270_000, `${many}`)
    await append(31, 7)
    assert.equal((await backend.readSteps(id)).length, 32)
  },

  async 'a journal stays through retry, release, recovery and the end'({ backend }) {
    let { id, claimToken } = await claimed(backend, { backoffDelay: 0, backoffMaxDelay: 0 })
    await backend.appendStep(id, claimToken, record(0, 'a'))
    await backend.release(id, claimToken)
    ;({ id, claimToken } = await backend.claimNext('t'))
    await backend.appendStep(id, claimToken, record(1, 'b'))
    await backend.recoverStuckJobs(0)
    ;({ id, claimToken } = await backend.claimNext('t'))
    await backend.appendStep(id, claimToken, record(2, 'c'))
    await backend.complete(id, claimToken)
    assert.deepEqual(
      (await backend.readSteps(id)).map(({ name }) => name),
      ['a', 'b', 'c'],
    )
  },

  async 'log lines do not count as a journal'({ backend }) {
    const { id, claimToken } = await claimed(backend)
    for (let n = 0; n < 100; n += 1) await backend.log(id, `line ${n}`, claimToken)
    assert.equal((await whole(backend, id)).journalBytes ?? 0, 0)
  },

  async 'completeClaimed completes an active job of its claim, and frees its key'({ backend }) {
    const { id, claimToken } = await claimed(backend, EXCLUSIVE)
    assert.equal(await backend.completeClaimed(id, 'other'), 'lease-lost')
    assert.equal((await backend.findOne({ id })).status, 'active')
    assert.equal(await backend.completeClaimed(id, claimToken), 'completed')
    const job = await backend.findOne({ id })
    assert.equal(job.status, 'completed')
    assert.ok(job.completedAt instanceof Date)
    assert.equal(await backend.completeClaimed('unknown', claimToken), 'lease-lost')
    assert.ok(await backend.enqueue('t', {}, EXCLUSIVE))
  },

  async 'completeClaimed completes a job that a sweep has failed under the same claim'({ backend }) {
    const { id, claimToken } = await claimed(backend, { maxAttempts: 1 })
    assert.equal(await backend.recoverStuckJobs(0), 1)
    assert.equal((await backend.findOne({ id })).status, 'failed')
    assert.equal(await backend.completeClaimed(id, 'other'), 'lease-lost')
    assert.equal((await backend.findOne({ id })).status, 'failed')
    assert.equal(await backend.completeClaimed(id, claimToken), 'completed')
    const job = await backend.findOne({ id })
    assert.deepEqual([job.status, job.failReason, job.failedAt], ['completed', undefined, undefined])
    assert.equal((await whole(backend, id)).ending, undefined)
  },

  async 'completeClaimed leaves a job failed that its own claim has failed for good'({ backend }) {
    const { id, claimToken } = await claimed(backend)
    await backend.failFatal(id, 'no such account', claimToken)
    assert.equal(await backend.completeClaimed(id, claimToken), 'lease-lost')
    const job = await backend.findOne({ id })
    assert.deepEqual([job.status, job.failReason], ['failed', 'no such account'])
  },

  async 'completeClaimed leaves a follower claimable'({ backend }) {
    const { id, claimToken } = await claimed(backend, SINGLE_FLIGHT)
    await backend.enqueue('other', {}, SINGLE_FLIGHT)
    assert.equal(await backend.claimNext('other'), null)
    await backend.completeClaimed(id, claimToken)
    assert.ok(await backend.claimNext('other'))
  },

  async 'heartbeatClaimed renews the lease of its claim only'({ backend, until }) {
    const { id, claimToken, claimedAt } = await claimed(backend)
    await until('the clock has moved', () => Date.now() > claimedAt.getTime() + 5)
    assert.equal(await backend.heartbeatClaimed(id, 'other'), 'lease-lost')
    assert.equal((await whole(backend, id)).claimedAt.getTime(), claimedAt.getTime())
    assert.equal(await backend.heartbeatClaimed(id, claimToken), 'heartbeated')
    assert.ok((await whole(backend, id)).claimedAt > claimedAt)
    await backend.complete(id, claimToken)
    assert.equal(await backend.heartbeatClaimed(id, claimToken), 'lease-lost')
  },

  async 'malformed arguments are refused by name'({ backend }) {
    for (const [call, name] of [
      [() => backend.readSteps(''), 'jobId'],
      [() => backend.readSteps({ $ne: 1 }), 'jobId'],
      [() => backend.appendStep('a', undefined, record(0, 'a')), 'claimToken'],
      [() => backend.appendStep('a', { $ne: 1 }, record(0, 'a')), 'claimToken'],
      [() => backend.appendStep('a', 't', record(0, 'a'), { spill: 1 }), 'spill'],
      [() => backend.appendStep('a', 't', null), 'record'],
      [() => backend.appendStep('a', 't', record(-3, 'a')), 'record.seq'],
      [() => backend.appendStep('a', 't', record(0.5, 'a')), 'record.seq'],
      [() => backend.appendStep('a', 't', record(0, '')), 'record.name'],
      [() => backend.appendStep('a', 't', { ...record(0, 'a'), path: 'x' }), 'record.path'],
      [() => backend.completeClaimed('a'), 'claimToken'],
      [() => backend.heartbeatClaimed('a', 7), 'claimToken'],
    ]) {
      const refused = await call().catch((error) => error)
      assert.equal(refused.code, 'ERR_DURABL_INVALID_ARGUMENT')
      assert.ok(refused.message.includes(name), refused.message)
    }
  },
}
