/** A project that tests with Vitest, as its users do. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { connect, testUrl } from '../support/mongo.mjs'
import { assertEndedAtOnce, installProject } from './support/project.mjs'

const OWN_TESTS = 9
const MANY = 6

describe('a Vitest project', () => {
  let project
  before(async () => {
    project = await installProject('vitest')
    for (let n = 0; n < MANY; n += 1) {
      await project.copy('support/one-of-many.js', `test/many/${n}.test.js`)
    }
  })
  after(() => project.remove())

  for (const [how, args] of [
    ['in processes', ['--pool=forks']],
    ['in worker threads', ['--pool=threads']],
    ['all files in one process', ['--pool=forks', '--no-isolate', '--no-file-parallelism']],
    ['in virtual machines', ['--pool=vmThreads']],
  ]) {
    test(`passes ${how}, and ends at once`, async (t) => {
      const { db } = await connect(t)
      const env = { MONGO_URL: testUrl(), MONGO_DB: db.databaseName, NO_COLOR: '1' }
      const result = await project.bin('vitest', ['run', '--silent', ...args], { env })
      const { code, stdout, stderr } = result
      assert.equal(code, 0, stdout + stderr)
      assert.match(stdout, new RegExp(`Tests +${OWN_TESTS + MANY} passed \\(${OWN_TESTS + MANY}\\)`))
      assert.doesNotMatch(stdout + stderr, /close timed out|hanging|unhandled/i)
      assertEndedAtOnce(result)
    })
  }
})
