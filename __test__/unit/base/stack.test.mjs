/** An error about a call begins at that call: no frame of this package stands above the line that has to change. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runNode } from '../../support/child.mjs'

/** Each makes a mistake, on a line of its own. */
const MISTAKES = `
  const mistakes = {
    'a constructor': () => new JobQueue(5),
    'an option': () => new JobQueue(new DummyBackend(), undefined, { autoRecover: 'yes' }),
    'a backend option': () => new MongoJobQueue({ db: 5 }),
    'a connection': () => new MongoJobQueue({ uri: 'mongodb://one/?tlsCRLFile=/crl.pem', database: 'd' }),
    'a type': () => queue.enqueue('', 1),
    'a nested option': () => queue.enqueue('t', 1, { delay: -1 }),
    'one of many': () => queue.enqueueMany([{ type: 't', data: 1 }, { type: '', data: 1 }]),
    'a payload': () => queue.enqueue('t', { f() {} }),
    'a payload for a server': () => mongo.enqueue('t', { f() {} }),
    'a query': () => mongo.findOne({ type: { $ne: '' } }),
    'a processor': () => queue.process('t', 'no handler'),
    'a second processor': () => queue.process('t', () => {}),
    'an ended queue': () => ended.enqueue('t', 1),
    'an ended backend': () => endedMongo.enqueue('t', 1),
    'no global backend': () => getDefaultQueue(),
    'a global scope': () => withGlobalQueue(new DummyBackend(), {}),
  }`

const PROGRAM = `
  import { DummyBackend, JobQueue, MongoJobQueue, getDefaultQueue, withGlobalQueue } from 'durabl'
  const queue = new JobQueue(new DummyBackend())
  queue.process('t', () => {})
  const ended = new JobQueue(new DummyBackend())
  await ended.shutdown()
  const mongo = new MongoJobQueue({ uri: 'mongodb://127.0.0.1:1', database: 'd' })
  const endedMongo = new MongoJobQueue({ uri: 'mongodb://127.0.0.1:1', database: 'd' })
  await endedMongo.shutdown()
  ${MISTAKES}
  for (const [name, mistake] of Object.entries(mistakes)) {
    try {
      await mistake()
      console.log(name + ': was accepted')
    } catch (error) {
      const frame = error.stack.slice(error.stack.indexOf(error.message) + error.message.length).split('\\n')[1]
      console.log(name + ': ' + frame.trim())
    }
  }
  await queue.shutdown()
  await mongo.shutdown()`

for (const flags of [[], ['--enable-source-maps']]) {
  test(`the first frame is the caller's (${flags.join() || 'plain'})`, async () => {
    const { stdout, stderr, code } = await runNode([...flags, '--input-type=module', '-e', PROGRAM])
    assert.equal(code, 0, stderr)
    const lines = stdout.trim().split('\n')
    assert.equal(lines.length, 16, stdout)
    for (const line of lines) assert.match(line, /: at .*\[eval1\]/, stdout)
  })
}
