/** The types of the addon, made of what the binding declares: the step of the gate that compares them must be able to fail. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { nativeAddon } from '../../../dist/mongo/native/loader.js'
import { compare, wanted } from '../../../scripts/native-types.mjs'
import { root } from '../../support/child.mjs'

/** Declarations in the form in which napi-rs emits them. */
const declarations = () => [
  { kind: 'interface', name: 'NativeJob', js_doc: '/** A job. */\n', def: 'id: string\nkey: string | null' },
  { kind: 'struct', name: 'NativeEngine', js_doc: '/** An engine. */\n', def: '' },
  {
    kind: 'impl',
    name: 'NativeEngine',
    js_doc: '',
    def: ' claim(type: string, key?: string | undefined | null): Promised<NativeJob | undefined | null>',
  },
  { kind: 'impl', name: 'NativeEngine', js_doc: '', def: ' settle(kind: NativeVerdict): boolean' },
  { kind: 'string_enum', name: 'NativeVerdict', js_doc: '', def: "Complete = 'complete',\nFail = 'fail'" },
  {
    kind: 'fn',
    name: 'open',
    js_doc: '/**\n * Opens.\n *\n * # Errors\n * No threads.\n */\n',
    def: 'function open(): Reply<NativeEngine>',
  },
]

test('an optional value is null, words are a union, and a class has the methods of all its files', async () => {
  const text = await wanted(declarations())
  assert.match(text, /claim\(type: string, key: string \| null\): Promised<NativeJob \| null>\n {2}settle\(/)
  assert.match(text, /export type NativeVerdict = 'complete' \| 'fail'/)
  assert.match(text, /@throws Error: No threads\.\n {3}\*\/\n {2}open\(\): Reply<NativeEngine>/)
})

test('types that are current leave nothing to say', async () => {
  assert.deepEqual(await compare(await wanted(declarations()), declarations()), [])
})

for (const [mismatch, plant] of [
  ['an argument of another type', (list) => (list[3].def = ' settle(kind: string): boolean')],
  ['an argument more', (list) => (list[3].def = ' settle(kind: NativeVerdict, by: string): boolean')],
  ['another result', (list) => (list[3].def = ' settle(kind: NativeVerdict): NativeVerdict')],
  ['a field that may be null', (list) => (list[0].def = 'id: string | null\nkey: string | null')],
  ['a word more', (list) => (list[4].def += ",\nRelease = 'release'")],
  ['a method more', (list) => list.push({ ...list[3], def: ' release(): void' })],
  ['a method less', (list) => list.splice(3, 1)],
]) {
  test(`${mismatch} is found, with its line`, async () => {
    const current = await wanted(declarations())
    const planted = declarations()
    plant(planted)
    const [complaint, ...others] = await compare(current, planted)
    assert.deepEqual(others, [])
    assert.match(complaint, /addon\.ts is not current: run node scripts\/native-types\.mjs\nline \d+ is "/)
  })
}

test('a kind of declaration that nothing is known of is an error, and not left out', async () => {
  const unknown = { kind: 'const', name: 'LIMIT', js_doc: '', def: 'number' }
  await assert.rejects(wanted([...declarations(), unknown]), /LIMIT: there is no rule .* kind const/)
})

test('the addon has the functions and methods of its types, and no others', () => {
  const text = readFileSync(join(root, 'lib/mongo/native/addon.ts'), 'utf8')
  const membersOf = (name) => {
    const [, body] = text.match(new RegExp(`export interface ${name} \\{\\n([\\s\\S]*?)\\n\\}`))
    return [...body.matchAll(/^ {2}(\w+)\(/gm)].map(([, member]) => member).sort()
  }
  const { NativeEngine, ...functions } = nativeAddon()
  const methods = Object.getOwnPropertyNames(NativeEngine.prototype).filter((name) => name !== 'constructor')
  assert.deepEqual(methods.sort(), membersOf('NativeEngine'))
  const called = Object.keys(functions).filter((name) => typeof functions[name] === 'function')
  assert.deepEqual(called.sort(), membersOf('NativeAddon'))
})
