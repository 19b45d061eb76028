/** Jobs that a worker holds ahead of its handlers. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { jobs } from '../../support/jobs.mjs'
import { pollUntil } from '../../support/wait.mjs'

const COUNT = 20_000

test('a worker that holds 1500 jobs ahead runs each of 20,000 once', async (t) => {
  const { queue, whenDone } = await jobs(t)
  await queue.enqueueMany(Array.from({ length: COUNT }, (_, data) => ({ type: 'work', data })))
  const ran = []
  queue.process('work', ({ data }) => void ran.push(data), { prefetch: 1500, concurrency: 10 })
  await pollUntil('all have run', () => ran.length >= COUNT)
  await whenDone()
  assert.equal(ran.length, COUNT)
  assert.equal(new Set(ran).size, COUNT)
})
