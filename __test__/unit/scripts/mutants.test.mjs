/** The bugs that `npm run mutants` plants: what becomes of a source, and which of them a run tries. */
import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import ts from 'typescript'
import { arguedMutants, keyOf, staleEntries } from '../../../scripts/mutants/argued.mjs'
import { ASK, withChoices } from '../../../scripts/mutants/choices.mjs'
import { Catches, chunksOf } from '../../../scripts/mutants/chunks.mjs'
import { drawn } from '../../../scripts/mutants/draw.mjs'
import { lib } from '../../../scripts/mutants/lib.mjs'
import { openResults } from '../../../scripts/mutants/results.mjs'
import { switched } from '../../../scripts/mutants/switched.mjs'
import { mutantsOf } from '../../../scripts/mutants/typescript.mjs'

describe('mutants of TypeScript', () => {
  const of = (source) => mutantsOf('lib/a.ts', source).map(({ is }) => is)

  for (const [name, source, expected] of [
    ['a comparison', 'f(a < b)', [';', 'f(a <= b)', 'f(a >= b)']],
    [
      'a comparison in a condition, which is decided',
      'if (a === b) f()',
      ['if (true) f()', 'if (false) f()'],
    ],
    ['what two conditions have to do with each other', 'const c = a && b', ['const c = a || b']],
    ['a sum, but of no text', "const c = a + b, d = 'x' + a", ["const c = a - b, d = 'x' + a"]],
    ['a negation', 'const c = !a', ['const c = a']],
    [
      'numbers and truths',
      'const c = [0, 7, true]',
      ['const c = [1, 7, true]', 'const c = [0, 0, true]', 'const c = [0, 7, false]'],
    ],
    ['a call that only passes on', 'const c = a.filter(f)', ['const c = a']],
    ['a statement', 'throw new Error()', [';']],
    ['nothing that is a type', "type A = 1 | true; import b from 'b'", []],
  ]) {
    test(name, () => assert.deepEqual(of(source), expected))
  }

  describe('are choices at run time', () => {
    /** The results of the function `f` of a source with each of its mutants on, and without one. */
    function results(source, ...args) {
      const mutants = mutantsOf('lib/a.ts', source).map((mutant, index) => ({ id: index + 1, ...mutant }))
      const { text, ids, ofFile } = withChoices(source, mutants)
      const { outputText } = ts.transpileModule(text, { compilerOptions: { target: 'ES2022' } })
      const outcome = (id) => {
        const ask = (asked) => asked === id
        try {
          return new Function(ASK, `${outputText}\nreturn f`)(ask)(...args)
        } catch (error) {
          return error.message
        }
      }
      return {
        was: outcome(0),
        is: Object.fromEntries(mutants.map(({ id, is }) => [is, outcome(id)])),
        ids,
        ofFile,
      }
    }

    for (const [name, source, args, was, is] of [
      [
        'of operators within each other',
        'const f = (a: number, b: number) => a < b && b < 3',
        [1, 2],
        true,
        { 'a < b || b < 3': true, 'a <= b && b < 3': true, 'a >= b && b < 3': false },
      ],
      [
        'of statements without a semicolon',
        "function f() {\n  const b: number[] = []\n  b.push(2)\n  if (b.length > 9) throw new Error('long')\n  return b.length\n}",
        [],
        1,
        { ';': 0 },
      ],
      [
        'of a part of a chain that may end early',
        'const f = (a?: { b: number[] }) => a?.b.filter((each) => each > 1).length',
        [undefined],
        undefined,
        { 'a?.b.length': undefined },
      ],
      ['of a key', 'const f = (a: number) => ({ 7: 1 })[a] ?? 2', [7], 1, { '({ 7: 1 })[a] && 2': 2 }],
      [
        'of a default behind a default',
        'const f = (a?: 1, b?: 2) => a ?? b ?? 3',
        [],
        3,
        { 'a ?? b': undefined },
      ],
    ]) {
      test(name, () => {
        const found = results(source, ...args)
        assert.deepEqual(found.was, was)
        for (const [key, outcome] of Object.entries(is)) {
          const [mutant] = Object.keys(found.is).filter((each) => each.includes(key))
          assert.ok(mutant, `no ${key} in ${Object.keys(found.is).join(' | ')}`)
          assert.deepEqual(found.is[mutant], outcome, mutant)
        }
      })
    }

    test('and it is known which of them are asked for only while the file is loaded', () => {
      const { ids, ofFile } = results('const MOST = 7\nconst f = (a = 3) => a < MOST')
      assert.deepEqual([ids.length, ofFile], [4, [1]])
    })
  })
})

describe('mutants of Rust', () => {
  const at = (line, column, length) => ({ start: { line, column }, end: { line, column: column + length } })
  const within = (first, last) => ({
    span: { start: { line: first, column: 1 }, end: { line: last, column: 2 } },
  })

  test('are choices at run time, beside what was', () => {
    const source = 'fn f(a: [u8; 2]) -> bool {\n    a[0] < a[1]\n}\n'
    const mutants = [
      { id: 3, span: at(2, 10, 1), replacement: '>', function: within(1, 3) },
      { id: 4, span: at(2, 5, 11), replacement: 'true', function: within(1, 3) },
    ]
    const { text, places, functions } = switched(source, mutants)
    assert.equal(
      text.replaceAll(/\s+/g, ' ').trim(),
      'fn f(a: [u8; 2]) -> bool { match crate::mutant_switch::active(3) { ' +
        '3 => { a[0] > a[1] } 4 => { true } _ => { a[0] < a[1] } } }',
    )
    const lines = text.split('\n')
    for (const { ids, first, last } of places.slice(0, 2))
      assert.match(lines.slice(first - 1, last).join('\n'), new RegExp(`^${ids[0]} => \\{[^}]*\\}$`))
    assert.deepEqual(places[2].ids, [3, 4])
    assert.deepEqual(functions, [[3, 4]])
  })

  test('are none where nothing can be chosen at run time', () => {
    const source = 'const fn f() -> u8 {\n    1 + 1\n}\nconst A: u8 = 1 + 1;\n'
    const mutants = [
      { id: 1, span: at(2, 7, 1), replacement: '-', function: within(1, 3) },
      { id: 2, span: at(4, 17, 1), replacement: '-', function: null },
    ]
    assert.deepEqual(switched(source, mutants), { text: source, places: [], functions: [] })
  })
})

describe('the tests of a mutant', () => {
  const tests = Array.from({ length: 30 }, (_, n) => ({
    name: `t${n}`,
    program: n % 2 ? 'a' : 'b',
    ms: 30 - n,
    reached: [7, 8, 9, 10],
    reachedByFile: new Map([['a.rs', n === 0 ? 4 : 2]]),
  }))
  const mutant = { file: 'a.rs', place: 7 }
  const names = (catches, budgetMs) =>
    chunksOf(tests, mutant, catches, budgetMs).map((chunk) => chunk.map(({ name }) => name))

  test('come once each, those about its file and the quickest first, in chunks of one program that grow', () => {
    const chunks = names(new Catches())
    assert.deepEqual(chunks.flat().toSorted(), tests.map(({ name }) => name).toSorted())
    assert.deepEqual(chunks.slice(0, 2), [
      ['t0', 't28', 't26'],
      ['t29', 't27', 't25'],
    ])
    assert.deepEqual(
      chunks.map((chunk) => chunk.length),
      [3, 3, 6, 6, 6, 6],
    )
  })

  test('begin with those that caught mutants of its function, then of its file', () => {
    const catches = new Catches()
    catches.note('t3', { file: 'a.rs', place: 1 })
    catches.note('t3', { file: 'a.rs', place: 1 })
    catches.note('t5', mutant)
    catches.note('t1', { file: 'b.rs', place: 2 })
    assert.deepEqual(names(catches)[0].slice(0, 3), ['t5', 't3', 't29'])
  })

  test('end with the chunk that exceeds the time', () => {
    assert.equal(names(new Catches(), 1).flat().length, 6)
    assert.equal(names(new Catches(), 46).flat().length, 18)
  })
})

describe('the results of a run that was broken off', () => {
  const written = (t, sources) => {
    const directory = mkdtempSync(join(tmpdir(), 'durabl-mutants-'))
    t.after(() => rmSync(directory, { recursive: true }))
    const path = join(directory, 'results.jsonl')
    const { write } = openResults(path, { sources, resume: false })
    write({ mutant: { id: 3 }, caughtBy: null, ms: 1 })
    appendFileSync(path, '{"sources":"one","mut')
    return path
  }
  const known = (path, options) => [...openResults(path, options).known.keys()]

  test('are kept for the same sources, but for the line half written', (t) => {
    const path = written(t, 'one')
    assert.deepEqual(known(path, { sources: 'one', resume: true }), [3])
    assert.deepEqual(known(path, { sources: 'one', resume: true }), [3])
  })

  for (const [why, options] of [
    ['of other sources', { sources: 'two', resume: true }],
    ['without a digest', { resume: true }],
    ['not asked for', { sources: 'one', resume: false }],
  ])
    test(`are forgotten: ${why}`, (t) => assert.deepEqual(known(written(t, 'one'), options), []))
})

describe('a run tries', () => {
  const mutants = Array.from({ length: 100 }, (_, index) => ({ id: index + 1, file: 'a', is: `${index}` }))
  const ids = (drawing) => drawn(mutants, drawing).map(({ id }) => id)

  test('each mutant in one shard', () => {
    const shards = [1, 2, 3].flatMap((shard) => ids({ shard, of: 3 }))
    assert.deepEqual(
      shards.toSorted((one, other) => one - other),
      ids().toSorted((one, other) => one - other),
    )
    assert.equal(shards.length, 100)
  })

  test('the same ones with the same seed, and others with another', () => {
    assert.deepEqual(ids({ most: 10, seed: '1' }), ids({ most: 10, seed: '1' }))
    assert.notDeepEqual(ids({ most: 10, seed: '1' }), ids({ most: 10, seed: '2' }))
  })
})

describe('mutants that are argued', () => {
  test('may share a line and its reason', () => {
    const line = JSON.stringify({ file: 'a', was: '1 + 1', is: ['1 - 1', '1 * 1'], why: 'it is one' })
    assert.deepEqual(
      [...arguedMutants([line]).values()],
      ['1 - 1', '1 * 1'].map((is) => ({ file: 'a', was: '1 + 1', is, why: 'it is one' })),
    )
  })

  test('have a reason each', () => {
    for (const [key, { file, was, is, why }] of arguedMutants()) {
      assert.equal(key, keyOf({ file, was, is }))
      assert.ok(why?.length > 20, `${file}: ${was}`)
    }
  })

  test('are still there, in lib/', async () => {
    const mutants = await lib.mutants()
    assert.ok(mutants.length > 1000)
    assert.deepEqual(staleEntries(arguedMutants(), mutants), [])
  })
})
