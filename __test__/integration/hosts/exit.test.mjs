/** Processes that end in the middle of everything: at once, with the code they asked for, and without harm to a job. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runNode } from '../../support/child.mjs'
import { connect, testUrl } from '../../support/mongo.mjs'

/** A program with a processor that has a job, a change stream, and calls on their way. */
const program = (database, end) => `
  import { JobQueue, MongoJobQueue } from 'durabl'
  const quiet = { debug() {}, info() {}, warn() {}, error() {} }
  const options = { uri: ${JSON.stringify(testUrl())}, database: '${database}', useChangeStreams: true, logger: quiet }
  const backend = new MongoJobQueue(options)
  await backend.startup()
  const queue = new JobQueue(backend, quiet)
  const end = async () => { ${end} }
  queue.process('work', async (job) => {
    for (let n = 0; n < 10; n += 1) void queue.getStats()
    console.log(job.id)
    await end()
    await new Promise(() => {})
  })
  await queue.enqueue('work', {})
`

describe('a process with a job', { concurrency: true }, () => {
  for (const [how, end, expected] of [
    ['that calls process.exit in its handler', 'process.exit(7)', 7],
    [
      'that calls process.exit while it shuts down',
      'void queue.shutdown(); setImmediate(() => process.exit(7))',
      7,
    ],
    [
      'that calls process.exit as soon as its shutdown is over',
      'void queue.shutdown(50).then(() => process.exit(7))',
      7,
    ],
    ['that throws outside of any handler', "setImmediate(() => { throw new Error('on purpose') })", 1],
  ]) {
    test(`${how} ends with its code, and the job is still there`, async (t) => {
      const { db } = await connect(t)
      const { code, signal, stdout, quietMs } = await runNode([
        '--input-type=module',
        '-e',
        program(db.databaseName, end),
      ])
      assert.deepEqual([code, signal], [expected, null])
      // Otherwise the process would wait for the engine’s farewell, of five seconds.
      assert.ok(quietMs < 4000, `it lingered for ${quietMs} ms`)
      const job = await db.collection('jobs').findOne({ _id: stdout.trim() })
      assert.ok(['active', 'pending'].includes(job.status), job.status)
    })
  }
})
