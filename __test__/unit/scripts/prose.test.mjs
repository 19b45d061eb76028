/** The step of the gate that holds pages and public types against the rules for English finds what it is there to find. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { comments, complaintsAbout, paragraphs, sentences, texts } from '../../../scripts/check/prose.mjs'

const long = `${'word '.repeat(25)}word.`

for (const [name, sentence, count] of [
  ['a sentence of 26 words', long, 1],
  ['a sentence of 25 words', long.replace('word ', ''), 0],
  ['a question word as the subject', 'What a claim needs is a token.', 1],
  ['a question', 'What does a claim need?', 0],
  ['a how-to', 'How-to pages solve one task.', 0],
  ['a noun that names no person', 'Whoever claims it, runs it.', 2],
  ['a quoted word', 'Write no "nobody".', 0],
  ['a plain sentence', 'The engine claims several jobs at once.', 0],
])
  test(`${name}: ${count} complaints`, () => assert.equal(complaintsAbout(sentence).length, count))

test('a page is read by paragraphs and items, without code, tables and headings', () => {
  const page =
    '# What is it\n\nOne. Two\nlines.\n\n- First.\n- Second.\n\n```ts\nnobody()\n```\n\n| What | Who |\n| --- | --- |\n'
  assert.deepEqual(paragraphs(page).flatMap(sentences), ['One.', 'Two lines.', 'First.', 'Second.'])
})

test('links count by their words, and code as one', () => {
  assert.deepEqual(sentences('See [the page](a/b.md#c) of `a b c d`. Then go.'), [
    'See the page of code.',
    'Then go.',
  ])
})

test('the name of the package begins a sentence, after a stop only', () => {
  assert.deepEqual(sentences('A job of durabl ends. durabl says so.'), [
    'A job of durabl ends.',
    'durabl says so.',
  ])
})

test('a comment is read without its example, by its tags, and the errors of one one by one', () => {
  const source = [
    '/**',
    ' * Adds a {@link Job.id | job}.',
    ' *',
    ' *     npm run what it is',
    ' *',
    ' * @param id its id',
    ' * @throws A if it is bad; B',
    ' * otherwise',
    ' */',
    "const url = 'mongodb://host' // Behind code.",
    '  /// Two',
    '  /// lines.',
    '',
    '// One.',
  ].join('\n')
  assert.deepEqual(paragraphs(comments(source).join('\n\n')).flatMap(sentences), [
    'Adds a Job.id.',
    '@param id its id',
    '@throws A if it is bad.',
    'B otherwise',
    'Two lines.',
    'One.',
  ])
})

test('texts are the string literals of three words or more', () => {
  const source = [
    'throw new Error(\'the queue \' + "was")',
    'log.warn(`the lease of ${id} is lost`)',
    "// 'one two three'",
  ].join('\n')
  assert.deepEqual(texts(source), ['the lease of ${id} is lost'])
})
