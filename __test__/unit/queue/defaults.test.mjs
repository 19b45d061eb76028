/** Options for a queue or a type fill in what a call leaves out, and hide no wrong argument. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DummyBackend, JobQueue } from 'durabl'

const SILENT = { debug() {}, info() {}, warn() {}, error() {} }

function queueWith(defaults) {
  const backend = new DummyBackend()
  return { backend, queue: new JobQueue(backend, SILENT, { defaults }) }
}

const settingsOf = ({ jobs }) => jobs.map(({ priority, maxAttempts }) => [priority, maxAttempts])

describe('defaults', () => {
  test('of a type apply to that type alone', async () => {
    const { backend, queue } = queueWith({ types: { work: { priority: 7 } } })
    await queue.enqueue('work', {})
    await queue.enqueue('other', {})
    await queue.enqueueMany([
      { type: 'work', data: {} },
      { type: 'other', data: {} },
    ])
    assert.deepEqual(
      backend.jobs.map(({ type, priority }) => [type, priority]),
      [
        ['work', 7],
        ['other', 0],
        ['work', 7],
        ['other', 0],
      ],
    )
  })

  test('of all types apply where the type and the call say nothing; undefined says nothing', async () => {
    const { backend, queue } = queueWith({
      all: { maxAttempts: 9, priority: 1 },
      types: { work: { priority: 7 } },
    })
    await queue.enqueue('work', {}, { maxAttempts: 2 })
    await queue.enqueue('work', {}, { maxAttempts: undefined })
    await queue.enqueue('other', {}, undefined)
    assert.deepEqual(settingsOf(backend), [
      [7, 2],
      [7, 9],
      [1, 9],
    ])
  })

  for (const [name, call] of [
    ['options that are none', (queue) => queue.enqueue('work', {}, 'soon')],
    ['options that are a list', (queue) => queue.enqueue('work', {}, [])],
    ['jobs that are no list', (queue) => queue.enqueueMany({ length: 0 })],
    ['a job that is none', (queue) => queue.enqueueMany([null])],
  ]) {
    test(`let no call pass with ${name}`, async () => {
      const { backend, queue } = queueWith({ all: { priority: 1 } })
      await assert.rejects(call(queue), { code: 'ERR_DURABL_INVALID_ARGUMENT' })
      assert.deepEqual(backend.jobs, [])
    })
  }
})

test('defaults hide no list of schedules that is none, and no entry that is none', async () => {
  const { queue } = queueWith({ all: { priority: 1 } })
  const plain = new JobQueue(new DummyBackend(), SILENT)
  for (const wrong of ['abc', {}, null, 7, [null], ['abc'], [7]]) {
    const [error, expected] = await Promise.all(
      [queue, plain].map((each) => each.applySchedules('owner', wrong).catch((error) => error)),
    )
    assert.equal(error.code, 'ERR_DURABL_INVALID_ARGUMENT')
    assert.equal(error.message, expected.message)
  }
})
