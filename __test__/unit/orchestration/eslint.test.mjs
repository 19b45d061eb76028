/** The ESLint rule, by the TypeScript parser and by ESLint's own. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { describe, test } from 'node:test'
import { Linter } from 'eslint'
import tseslint from 'typescript-eslint'
import { runNode } from '../../support/child.mjs'
import durabl, { configs, meta, noNondeterministicControlPath, rules } from 'durabl/eslint'

const require = createRequire(import.meta.url)

function lint(code, { typescript = false, options } = {}) {
  const linter = new Linter({ configType: 'flat' })
  const config = {
    files: ['**/*.js', '**/*.ts'],
    plugins: { durabl },
    languageOptions: { ...(typescript && { parser: tseslint.parser }), sourceType: 'module' },
    rules: { 'durabl/no-nondeterministic-control-path': ['error', ...(options ? [options] : [])] },
  }
  const found = linter.verify(code, [config], typescript ? 'a.ts' : 'a.js')
  for (const problem of found) assert.equal(problem.fatal, undefined, problem.message)
  return found.map(({ messageId }) => messageId)
}

const body = (text) => `orch.define('t', async (job, octx) => { ${text} })`

const PASSES = {
  'branching on results and data': body(`
    const seat = await octx.step('seat', async () => (await fetch(url)).json())
    if (seat.free && job.data.rows > 3) await octx.step('book', () => db.save(seat))`),
  'combinators over steps': body(`
    await Promise.all(job.data.legs.map((leg) => octx.step('leg', () => book(leg))))
    await Promise.allSettled([octx.step('a', f), octx.step('b', g)])`),
  'anything inside a step': body(`
    await octx.step('a', async () => { await db.save(Date.now(), Math.random(), new Date(), randomUUID()) })`),
  'destructured members': `orch.define('t', async (job, { step, now, uuid }) => {
    await step('a', async () => { await db.save() })
    console.log(now(), uuid('x'))
  })`,
  'now and uuid': body(`const at = new Date(octx.now()); const id = octx.uuid('a')`),
  'members destructured later': body(`const { step } = octx; await step('a', f)`),
  'a promise of a step in a constant': body(
    `const p = octx.step('a', f); const q = octx.step('b', f); await p; await q`,
  ),
  'a conditional of two steps': body(`await (x ? octx.step('a', f) : octx.step('b', f))`),
  'a handler of a plain processor': `queue.process('mail', async (job, ctx) => { await send(job.data); Date.now() })`,
  'a define of another library': `
    const orm = new Sequelize(); orm.define('user', async (a, b) => { await db.save() })
    sequelize.define('user', async (model, fields) => { await db.save() })`,
  'a function that is only made': body(
    `const later = async () => { await db.save() }; await octx.step('a', later)`,
  ),
  'all other tools': body(`
    await octx.tryStep('a', async () => { await f() })
    await octx.map('m', items, async (item) => { await f(item) })
    await octx.branch('b', async (b) => { await b.step('a', async () => { await f() }) })
    await octx.heartbeat(); octx.log('x')`),
  'a catch of a step': body(`await octx.step('a', f).catch(() => null)`),
}

const FOUND = {
  'an await of a call': [body('if (await flag()) octx.log(1)'), ['bareAwait']],
  'an await of a method': [body('await db.save()'), ['bareAwait']],
  'an await of a helper that has the context': [body('await helper(octx)'), ['bareAwait']],
  'the clock': [body('const t = Date.now()'), ['syncNondet']],
  'random numbers': [body('const r = Math.random()'), ['syncNondet']],
  'a new date': [body('const d = new Date()'), ['syncNondet']],
  'a date as text': [body('const d = Date()'), ['syncNondet']],
  'a UUID': [body('const u = randomUUID()'), ['syncNondet']],
  'a UUID of crypto': [body('const u = crypto.randomUUID()'), ['syncNondet']],
  'the global object': [body('globalThis.Date.now(); new globalThis.Date()'), ['syncNondet', 'syncNondet']],
  'the monotonic clock': [body('performance.now()'), ['syncNondet']],
  'for await': [body('for await (const x of rows()) octx.log(x)'), ['bareAwait']],
  'a chain': [body("db.save().then(() => octx.log('saved'))"), ['bareAwait']],
  'an awaited chain, once': [body('await db.save().then(f)'), ['bareAwait']],
  'a race': [body("await Promise.race([octx.step('a', f), octx.step('b', f)])"), ['bareAwait']],
  'the first of several': [body("await Promise.any([octx.step('a', f)])"), ['bareAwait']],
  'a list with something else': [body("await Promise.all([octx.step('a', f), db.save()])"), ['bareAwait']],
  'async callbacks of a combinator': [
    body("await Promise.all(ids.map(async (id) => { await db.save(id); await octx.step('a', f) }))"),
    ['bareAwait'],
  ],
  'a branch is an orchestration': [
    body("await octx.branch('b', async (b) => { await db.save(); Date.now() })"),
    ['bareAwait', 'syncNondet'],
  ],
  'a declared function that is defined by name': [
    `async function trip(job, octx) { await db.save() } orch.define('t', trip)`,
    ['bareAwait'],
  ],
  'a constant that is defined by name': [
    `const trip = async (job, octx) => { Date.now() }; orch.define('t', trip)`,
    ['syncNondet'],
  ],
  'an orchestrator by its class': [
    `const o = new Orchestrator(queue); o.define('t', async (job, c) => { await db.save() })`,
    ['bareAwait'],
  ],
  'an orchestration without a context': [`orch.define('t', async () => { await db.save() })`, ['bareAwait']],
}

const TYPED = {
  'a second parameter of the type': [
    `async function trip(job: Job<Trip>, c: OrchestratorContext) { await db.save() }`,
    ['bareAwait'],
  ],
  'of the type by its name space': [
    `const trip = async (job: Job, c: durabl.OrchestratorContext) => { Date.now() }`,
    ['syncNondet'],
  ],
  'typed destructuring': [
    `async function trip(job: Job, { step }: OrchestratorContext) { await step('a', f); await db.save() }`,
    ['bareAwait'],
  ],
  'a constant of the type': [
    `const trip: OrchestratorFn<Trip> = async (job, c) => { await db.save() }`,
    ['bareAwait'],
  ],
  satisfies: [
    `export default (async (job, c) => { await db.save() }) satisfies OrchestratorFn<Trip>`,
    ['bareAwait'],
  ],
  'a cast step': [body(`const x = await (octx.step('a', f) as Promise<number>)`), []],
  'a define with type arguments': [
    `orch.define<Trip>('t', async (job, octx) => { await db.save()! })`,
    ['bareAwait'],
  ],
}

for (const typescript of [false, true]) {
  describe(typescript ? 'by the TypeScript parser' : 'by the parser of ESLint', () => {
    for (const [name, code] of Object.entries(PASSES))
      test(`passes: ${name}`, () => assert.deepEqual(lint(code, { typescript }), []))
    for (const [name, [code, messages]] of Object.entries(FOUND))
      test(`finds: ${name}`, () => assert.deepEqual(lint(code, { typescript }), messages))
  })
}

describe('by types', () => {
  for (const [name, [code, messages]] of Object.entries(TYPED))
    test(name, () => assert.deepEqual(lint(code, { typescript: true }), messages))
})

test('options name other contexts, definitions and steps, and nothing else is taken', () => {
  const code = `flows.declare('t', async (job, octx) => { await octx.run('a', f); await db.save() })`
  assert.deepEqual(lint(code), [])
  assert.deepEqual(lint(code, { options: { defineNames: ['declare'], stepNames: ['run'] } }), ['bareAwait'])
  const typed = `async function f(job: Job, c: Flow) { await g() }`
  assert.deepEqual(lint(typed, { typescript: true, options: { contextTypeNames: ['Flow'] } }), ['bareAwait'])
  assert.throws(() => lint('', { options: { unknown: [] } }), /unknown|additional/i)
})

test('the plugin is the same in both module systems, and its configuration works as it is', () => {
  const commonjs = require('durabl/eslint')
  assert.equal(commonjs.default, durabl)
  assert.equal(commonjs.noNondeterministicControlPath, noNondeterministicControlPath)
  assert.deepEqual([durabl.meta, durabl.rules, durabl.configs], [meta, rules, configs])
  assert.equal(meta.name, 'durabl')
  assert.equal(meta.version, require('../../../package.json').version)
  const found = new Linter({ configType: 'flat' }).verify(body('Date.now()'), configs.recommended)
  assert.deepEqual(
    found.map(({ ruleId, severity }) => [ruleId, severity]),
    [['durabl/no-nondeterministic-control-path', 2]],
  )
})

test('the rule loads and works where nothing is installed but ESLint', async () => {
  const script = `
    const Module = require('node:module')
    const { Linter } = require('eslint')
    const resolve = Module._resolveFilename
    Module._resolveFilename = function (request, parent, ...rest) {
      const isGiven = /^(\\.|\\/|node:|durabl)/.test(request) || Module.builtinModules.includes(request)
      if (isGiven || /node_modules/.test(parent?.filename ?? '')) return resolve.call(this, request, parent, ...rest)
      throw Object.assign(new Error('not installed: ' + request), { code: 'MODULE_NOT_FOUND' })
    }
    const required = require('durabl/eslint')
    import('durabl/eslint').then(({ default: plugin }) => {
      const config = { plugins: { durabl: plugin }, rules: { 'durabl/no-nondeterministic-control-path': 'error' } }
      const code = 'orch.define("t", async (job, octx) => { await db.save() })'
      const found = new Linter({ configType: 'flat' }).verify(code, [config])
      console.log(JSON.stringify([found.map(({ messageId }) => messageId), required.rules === plugin.rules]))
    })`
  const { code, stdout, stderr } = await runNode(['-e', script])
  assert.equal(code, 0, stderr)
  assert.deepEqual(JSON.parse(stdout), [['bareAwait'], true])
})
