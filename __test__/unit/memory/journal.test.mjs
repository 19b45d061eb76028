/** Journals in memory: what a record takes of the limit, and what becomes of its result. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DummyBackend } from 'durabl'

const NOW = Date.UTC(2030, 0, 1)

async function claimed(options) {
  const time = { now: NOW }
  const backend = new DummyBackend({ clock: () => time.now, ...options })
  await backend.enqueue('t', {})
  const { id, claimToken } = await backend.claimNext('t')
  const append = (seq, more, settings) =>
    backend.appendStep(id, claimToken, { seq, name: 's', result: null, ts: new Date(0), ...more }, settings)
  return { backend, time, id, claimToken, append }
}

describe('a record in memory', () => {
  test('has the time at which it was appended, and renews the lease', async () => {
    const { backend, time, id, append } = await claimed()
    time.now += 500
    assert.deepEqual(await append(0), { status: 'appended' })
    assert.deepEqual(await backend.readSteps(id), [
      { seq: 0, name: 's', result: null, ts: new Date(NOW + 500) },
    ])
    assert.deepEqual(backend.jobs[0].claimedAt, new Date(NOW + 500))
  })

  test('of a failure has no result', async () => {
    const { backend, id, append } = await claimed()
    const error = { name: 'E', message: 'm' }
    await append(0, { result: undefined, error })
    const [step] = await backend.readSteps(id)
    assert.deepEqual([step.result, step.error], [null, error])
  })

  test('is not reached by later changes of its result, nor of one that was read', async () => {
    const { backend, id, append } = await claimed()
    const result = { list: [1] }
    await append(0, { result })
    result.list.push(2)
    const [read] = await backend.readSteps(id)
    read.result.list.push(3)
    read.ts.setTime(0)
    const { existing } = await append(0, { result: 'other' })
    existing.result.list.push(4)
    assert.deepEqual(await backend.readSteps(id), [
      { seq: 0, name: 's', result: { list: [1] }, ts: new Date(NOW) },
    ])
  })

  test('takes the bytes of its result and its name, and some for itself, up to the limit exactly', async () => {
    const { backend } = await claimed()
    const size = async (more) => {
      const { backend: other, append } = await claimed()
      await append(0, more)
      return other.jobs[0].journalBytes
    }
    assert.equal(backend.jobs[0].journalBytes, undefined)
    const least = await size({})
    assert.equal((await size({ name: 'süß' })) - least, Buffer.byteLength('süß') - 1)
    assert.equal((await size({ result: 'x'.repeat(100) })) - least, 105)
    const fits = await claimed({ journalSoftLimitBytes: 1024 })
    await fits.append(0, { result: 'x'.repeat(1024 - least - 5) })
    assert.equal(fits.backend.jobs[0].journalBytes, 1024)
    const tooLarge = await claimed({ journalSoftLimitBytes: 1024 })
    await assert.rejects(tooLarge.append(0, { result: 'x'.repeat(1024 - least - 4) }), {
      code: 'ERR_DURABL_JOURNAL_TOO_LARGE',
      approxBytes: 1025,
    })
    assert.deepEqual(await tooLarge.backend.readSteps(tooLarge.id), [])
  })

  test('whose large result may stand elsewhere takes next to nothing', async () => {
    const { backend, append } = await claimed()
    const large = { result: 'x'.repeat(20_000) }
    await append(0, large, { spill: true })
    const spilled = backend.jobs[0].journalBytes
    assert.ok(spilled < 200, `${spilled}`)
    await append(1, large)
    assert.ok(backend.jobs[0].journalBytes > 20_000)
    const before = backend.jobs[0].journalBytes
    await append(2, { result: 'x'.repeat(1000) }, { spill: true })
    assert.ok(backend.jobs[0].journalBytes - before > 1000)
  })
})
