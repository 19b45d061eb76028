/** The harness itself: it must be able to fail. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { runNode } from '../../support/child.mjs'

/** Runs a test file by the runner of `npm test`, and returns what it counted. */
async function countsOf(t, body, options = []) {
  const directory = await mkdtemp(join(tmpdir(), 'durabl-harness-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const file = join(directory, 'planted.test.mjs')
  await writeFile(file, `import { test } from 'node:test'\n${body}`)
  const program = `
    import { runNodeTests } from './scripts/test/node.mjs'
    const counts = await runNodeTests([${JSON.stringify(file)}], {}, ${JSON.stringify(options)}, 2)
    console.log('counts ' + JSON.stringify(counts))`
  const { stdout } = await runNode(['--input-type=module', '-e', program])
  return JSON.parse(stdout.match(/^counts (.*)$/m)[1])
}

test('a test that passes is counted', async (t) => {
  const counts = await countsOf(t, `test('good', () => {})`)
  assert.deepEqual(counts, { passed: 1, failed: 0, skipped: 0, broken: false })
})

test('a test that fails is counted, and no other with it', async (t) => {
  const counts = await countsOf(
    t,
    `test('bad', () => { throw new Error('planted') })\ntest('good', () => {})`,
  )
  assert.deepEqual(counts, { passed: 1, failed: 1, skipped: 0, broken: false })
})

test('a test that is skipped, or left for later, is not taken for one that passes', async (t) => {
  const counts = await countsOf(
    t,
    `test('skipped', { skip: true }, () => {})\ntest('later', { todo: true }, () => {})`,
  )
  assert.equal(counts.skipped, 2)
})

test('a test that no pattern asks for is neither skipped nor run', async (t) => {
  const body = `test('bad', () => { throw new Error('planted') })\ntest('good', () => {})`
  const counts = await countsOf(t, body, ['--test-name-pattern=good'])
  assert.deepEqual(counts, { passed: 1, failed: 0, skipped: 0, broken: false })
})

test('a file that cannot even be loaded counts as a failure', async (t) => {
  const counts = await countsOf(t, `import 'no-such-package'`)
  assert.equal(counts.failed, 1)
})

test('a filter that fits no test file is an error, not a success', async () => {
  const { code, stderr } = await runNode(['scripts/test.mjs', 'no-such-test-file'])
  assert.equal(code, 1)
  assert.match(stderr, /No test file's path contains no-such-test-file/)
})

test('the gate does not know a step that is not there', async () => {
  const { code, stderr } = await runNode(['scripts/gate.mjs', 'no-such-step'])
  assert.equal(code, 1)
  assert.match(stderr, /There is no step no-such-step/)
})
