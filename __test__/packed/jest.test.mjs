/** A project that tests with Jest, as its users do. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { connect, testUrl } from '../support/mongo.mjs'
import { assertEndedAtOnce, installProject } from './support/project.mjs'

const OWN_FILES = 5
const OWN_TESTS = 12
const MANY = 12

describe('a Jest project', () => {
  let project
  before(async () => {
    project = await installProject('jest')
    for (let n = 0; n < MANY; n += 1) {
      await project.copy('support/one-of-many.js', `test/many/${n}.test.js`)
    }
  })
  after(() => project.remove())

  for (const [how, args, { many = MANY, options = '' } = {}] of [
    ['in one process', ['--runInBand']],
    [
      'in one process that looks for what is left open',
      ['--detectOpenHandles', '--testPathIgnorePatterns=many'],
      { many: 0 },
    ],
    [
      'in one process with --experimental-vm-modules, with nothing else told to mongodb',
      ['--runInBand', '--testPathIgnorePatterns=many'],
      { many: 0, options: '--experimental-vm-modules' },
    ],
    ['in parallel processes', ['--maxWorkers=2']],
    ['in parallel worker threads', ['--maxWorkers=2', '--workerThreads']],
  ]) {
    test(`passes ${how}, leaves nothing open, and ends at once`, async (t) => {
      const { db } = await connect(t)
      const env = { MONGO_URL: testUrl(), MONGO_DB: db.databaseName, NODE_OPTIONS: options }
      const result = await project.bin('jest', ['--silent', ...args], { env })
      const { code, stdout, stderr } = result
      const tests = OWN_TESTS + many
      assert.equal(code, 0, stdout + stderr)
      assert.match(stderr, new RegExp(`^Tests: +${tests} passed, ${tests} total$`, 'm'))
      assert.match(stderr, new RegExp(`^Test Suites: ${OWN_FILES + many} passed`, 'm'))
      assert.doesNotMatch(stdout + stderr, /did not exit|open handle|failed to exit gracefully|force/i)
      assertEndedAtOnce(result)
    })
  }
})
