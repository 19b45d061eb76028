/** The step of the gate that holds names and pages against the glossary finds what it is there to find. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { avoided, inNames, inPage } from '../../../scripts/check/words.mjs'

const GLOSSARY = `
| Word          | Meaning      | Avoid                          |
| ------------- | ------------ | ------------------------------ |
| **reaper**    | It recovers. | cleaner, janitor               |
| **recover**   | To return.   | clean up                       |
| **verdict**   | The end.     | result, outcome (a handler has) |
| **sweep**     | One pass.    | scan                           |
`
const words = avoided(GLOSSARY)

test('words to avoid are read from the last column, without its notes', () => {
  assert.deepEqual(
    words.map(({ avoid, use }) => `${avoid}: ${use}`),
    [
      ...['cleaner: reaper', 'janitor: reaper', 'clean up: recover'],
      ...['result: verdict', 'outcome: verdict', 'scan: sweep'],
    ],
  )
})

for (const [name, source, count] of [
  ['a class', 'export class JobCleaner {}', 1],
  ['a function in Rust', 'pub(crate) fn clean_up_all() {}', 1],
  ['a part of a longer name', 'interface NightlyJanitorOptions {}', 1],
  ['a word within a word', 'class Resultant {}', 0],
  ['a word with a meaning of its own', 'type RunResult = string', 0],
  ['a comment', '// class Cleaner', 0],
])
  test(`${name}: ${count} complaints`, () => {
    assert.equal(inNames('a.ts', source, words).length, count)
  })

for (const [name, page, count] of [
  ['a page that says it', 'The janitor comes.', 1],
  ['a page that says it of many', 'Janitors come.', 1],
  ['code in a page', 'Call `janitor()`.\n\n```js\njanitor()\n```\n', 0],
  ['plain English', 'The result is good.', 0],
])
  test(`${name}: ${count} complaints`, () => {
    assert.equal(inPage('a.md', page, words).length, count)
  })
