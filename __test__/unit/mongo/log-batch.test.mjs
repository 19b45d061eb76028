/** Lines of one claim travel together, in their order; lines of another one do not wait for them. */
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { LogBatches } from '../../../dist/mongo/native/log-batch.js'

const MOST = 3
let writes
let batches

beforeEach(() => {
  writes = []
  batches = new LogBatches((jobId, claimToken, { messages, agesMs }) => {
    return new Promise((resolve, reject) => {
      writes.push({ jobId, claimToken, messages: [...messages], agesMs: [...agesMs], resolve, reject })
    })
  }, MOST)
})

const settled = () => new Promise((resolve) => setImmediate(resolve))
const messages = () => writes.map((write) => write.messages)

test('lines of one turn travel together, and those that come meanwhile in the next write', async () => {
  const first = [batches.add('a', 't', '1'), batches.add('a', 't', '2')]
  await settled()
  const later = [batches.add('a', 't', '3'), batches.add('a', 't', '4')]
  await settled()
  assert.deepEqual(messages(), [['1', '2']])
  writes[0].resolve(null)
  assert.deepEqual(await Promise.all(first), [null, null])
  await settled()
  assert.deepEqual(messages(), [
    ['1', '2'],
    ['3', '4'],
  ])
  writes[1].resolve(null)
  assert.deepEqual(await Promise.all(later), [null, null])
})

test('of more lines than a job keeps the newest travel, and all are answered', async () => {
  const lines = Array.from({ length: 20 }, (_, n) => batches.add('a', 't', String(n)))
  await settled()
  assert.deepEqual(messages(), [['17', '18', '19']])
  assert.equal(writes[0].agesMs.length, MOST)
  assert.ok(writes[0].agesMs.every((age) => age >= 0))
  writes[0].resolve(null)
  assert.equal((await Promise.all(lines)).length, 20)
})

test('other claims go by themselves, also of the same job', async () => {
  void batches.add('a', 't', '1')
  void batches.add('a', 'u', '2')
  void batches.add('a', null, '3')
  void batches.add('b', 't', '4')
  await settled()
  assert.deepEqual(messages(), [['1'], ['2'], ['3'], ['4']])
})

test('a write that fails is the failure of its lines alone, and the next one goes on', async () => {
  const failed = batches.add('a', 't', '1')
  await settled()
  const written = batches.add('a', 't', '2')
  const failure = { code: 'down' }
  writes[0].resolve(failure)
  assert.equal(await failed, failure)
  await settled()
  const broken = batches.add('a', 't', '3')
  writes[1].resolve(null)
  assert.equal(await written, null)
  await settled()
  writes[2].reject(new Error('broken'))
  await assert.rejects(broken, /broken/)
  const after = batches.add('a', 't', '4')
  await settled()
  writes[3].resolve(null)
  assert.equal(await after, null)
})
