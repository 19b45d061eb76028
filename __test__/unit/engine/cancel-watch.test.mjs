/** The questions for cancellations by other processes: all five seconds while jobs run, and none else. */
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { RELEASE } from '../../../dist/backend/verdict.js'
import { CancelWatch } from '../../../dist/engine/script/cancel-watch.js'
import { BackendWriter } from '../../../dist/engine/script/claim-writer.js'
import { settled } from '../../support/async.mjs'

let asked, requests
beforeEach((t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  asked = []
  requests = []
})

async function pass(t, ms) {
  for (let done = 0; done < ms; done += 500) {
    t.mock.timers.tick(500)
    await settled()
  }
}

const watching = (answer = async () => requests) => {
  const found = []
  const backend = { cancelRequests: (ids) => (asked.push(ids), answer()) }
  return { watch: new CancelWatch(backend, (request) => found.push(request)), found }
}

test('every five seconds it asks for all jobs that run, in one question', async (t) => {
  const { watch, found } = watching()
  watch.add('one')
  watch.add('two')
  await pass(t, 4500)
  assert.deepEqual(asked, [])
  requests = [{ id: 'two', reason: 'no need' }]
  await pass(t, 500)
  assert.deepEqual([asked, found], [[['one', 'two']], requests])
  watch.remove('one')
  await pass(t, 5000)
  assert.deepEqual(asked, [['one', 'two'], ['two']])
})

test('it asks for nothing once no job runs, and again when one does', async (t) => {
  const { watch } = watching()
  watch.add('one')
  await pass(t, 5000)
  watch.remove('one')
  await pass(t, 20_000)
  assert.equal(asked.length, 1)
  watch.add('two')
  await pass(t, 5000)
  assert.deepEqual(asked.at(-1), ['two'])
})

test('it asks for nothing if the last job ended during a question', async (t) => {
  let answer
  const { watch } = watching(() => new Promise((resolve) => (answer = resolve)))
  watch.add('one')
  await pass(t, 5000)
  watch.remove('one')
  answer([])
  await pass(t, 20_000)
  assert.equal(asked.length, 1)
})

test('a question that fails is followed by the next', async (t) => {
  const { watch } = watching(async () => Promise.reject(new Error('away')))
  watch.add('one')
  await pass(t, 10_000)
  assert.equal(asked.length, 2)
})

test('a job is left to its lease by a backend that takes none back', async () => {
  assert.equal(await new BackendWriter({}, { id: 'j', claimToken: 't' }).settle(RELEASE), null)
})
