/** The table of the package's entries: all that follows from it, and that a difference is found. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { checkEntries, filesOfEntries } from '../../../scripts/packages/entries.mjs'

const ENTRIES = [
  { path: '.', module: 'index' },
  { path: './extra', module: 'rooms/extra' },
]
const COMMANDS = [{ name: 'durabl-extra', module: 'rooms/command' }]

/** A package of two entries and a command, with all that is written from the table. */
function written(t) {
  const directory = mkdtempSync(join(tmpdir(), 'durabl-entries-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const write = (file, text) => {
    mkdirSync(dirname(join(directory, file)), { recursive: true })
    writeFileSync(join(directory, file), text)
  }
  write('package.json', JSON.stringify({ name: 'durabl', files: ['dist', 'old.mjs', 'README.md'] }))
  write('dist/index.js', 'exports.first = 1\n')
  write('index.d.ts', 'export declare const first: number\nexport interface Shape {}\n')
  write('dist/rooms/extra.js', 'exports.second = 2\nexports.Third = class {}\n')
  write('extra.d.ts', 'export declare const second: number\nexport declare class Third {}\n')
  write('dist/rooms/command.js', '#!/usr/bin/env node\n')
  for (const [file, text] of filesOfEntries(directory, ENTRIES, COMMANDS)) write(file, text)
  return { directory, write, complaints: () => checkEntries(directory, ENTRIES, COMMANDS) }
}

test('a row makes the ESM files and the manifest’s exports, each with types', async (t) => {
  const { directory, complaints } = written(t)
  const text = (file) => readFileSync(join(directory, file), 'utf8')
  const { exports, bin, files } = JSON.parse(text('package.json'))
  assert.deepEqual(Object.keys(exports), ['.', './extra', './package.json'])
  assert.deepEqual(exports['./extra'], {
    import: { types: './extra.d.mts', default: './extra.mjs' },
    require: { types: './extra.d.ts', default: './dist/rooms/extra.js' },
  })
  assert.deepEqual(bin, { 'durabl-extra': './dist/rooms/command.js' })
  const extra = ['extra.d.mts', 'extra.d.ts', 'extra.mjs']
  assert.deepEqual(files, ['README.md', 'dist', ...extra, 'index.d.mts', 'index.d.ts', 'index.mjs'])
  assert.match(text('extra.mjs'), /^export \{ Third, second \} from '\.\/dist\/rooms\/extra\.js'$/m)
  assert.match(text('extra.d.mts'), /^export \* from '\.\/extra\.js'$/m)
  assert.deepEqual(await complaints(), [])
})

for (const [difference, file, text, complaint] of [
  ['an ESM entry that lacks a name', 'extra.mjs', 'export {}\n', /^extra\.mjs is not current/],
  ['ESM types of another file', 'extra.d.mts', 'export {}\n', /^extra\.d\.mts is not current/],
  [
    'a manifest without a row',
    'package.json',
    '{ "files": [], "exports": {} }',
    /^package\.json is not current/,
  ],
  [
    'types that promise more',
    'extra.d.ts',
    'export declare const second: number\nexport declare class Third {}\nexport declare const fourth: number\n',
    /^extra\.d\.ts declares fourth, dist\/rooms\/extra\.js has no such export$/,
  ],
  [
    'types that keep a name to themselves',
    'extra.d.ts',
    'export declare const second: number\n',
    /^dist\/rooms\/extra\.js exports Third, extra\.d\.ts does not declare it$/,
  ],
  [
    'a command that no shell can start',
    'dist/rooms/command.js',
    'console.log()\n',
    /durabl-extra.*does not begin/,
  ],
]) {
  test(`${difference}: the gate says so`, async (t) => {
    const { write, complaints } = written(t)
    write(file, text)
    const said = await complaints()
    assert.equal(said.length, 1, said.join('\n'))
    assert.match(said[0], complaint)
  })
}
