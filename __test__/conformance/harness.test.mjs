/** The suite finds faults, and declarations that are none. */
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runNode } from '../support/child.mjs'

const faults = fileURLToPath(new URL('planted-faults.mjs', import.meta.url))

/** Which tests failed, as [backend, behaviour]; read from the runner's nested report. */
function failures(tap) {
  const failed = []
  let names = []
  for (const line of tap.split('\n')) {
    const [, indent, subtest] = /^( *)# Subtest: (.*)$/.exec(line) ?? []
    if (subtest !== undefined) names = [...names.slice(0, indent.length / 4), subtest]
    const [, depth, name] = /^( *)not ok \d+ - (.*)$/.exec(line) ?? []
    if (name !== undefined && depth.length >= 4) failed.push([names[0], name])
  }
  return failed
}

/** Behaviours that a planted fault breaks, by backend. Only these run: most others wait for what a broken backend never does. */
const FOUND = [
  ['Unfenced', 'complete with a wrong token changes nothing'],
  ['Unfenced', 'complete with a token from before is refused'],
  ['Duplicating', 'an exclusive key is held while its job is pending'],
  ['Counting', 'a released job is due at once, its attempt given back'],
  ['Declared', 'every declared deviation is of a behaviour that exists'],
  ['Declared', 'deviates (it does, so this declaration is wrong): the lower priority goes first'],
]
const BLAMELESS = [
  ['Counting', 'complete with a wrong token changes nothing'],
  ['Declared', 'of equal priority, the job that was due first goes first'],
]

const exactly = (name) => `/^${name.replaceAll(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`)}$/`

describe('the conformance suite', () => {
  let run
  let failed
  before(async () => {
    const names = [...FOUND, ...BLAMELESS].map(([, behaviour]) => `--test-name-pattern=${exactly(behaviour)}`)
    run = await runNode(['--test-reporter=tap', ...names, faults], { timeoutMs: 120_000 })
    failed = failures(run.stdout)
  })

  const found = (backend, behaviour) =>
    failed.some(([name, which]) => name === backend && which === behaviour)

  test('ends, and fails', () => {
    assert.equal(run.timedOut, false)
    assert.equal(run.code, 1, run.stderr)
  })

  for (const [backend, behaviour] of FOUND) {
    test(`finds the fault of ${backend}: ${behaviour}`, () => assert.ok(found(backend, behaviour)))
  }

  test('blames only the processes at fault', () => {
    for (const [backend, behaviour] of BLAMELESS) {
      assert.ok(run.stdout.includes(` - ${behaviour}`), behaviour)
      assert.equal(found(backend, behaviour), false)
    }
  })
})
