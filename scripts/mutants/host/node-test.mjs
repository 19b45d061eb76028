/**
 * Stands in for `node:test` where mutants are tried: the tests of a file are registered, and run whenever the host asks.
 * It may ask often, and for some of them. It knows what this project's tests use.
 */
import { mock as nodeMock } from 'node:test'

/** Those of before a test mocks them. */
const { setTimeout, clearTimeout } = globalThis

const MockTracker = nodeMock.constructor

const newSuite = (name, parent) => ({
  name,
  parent,
  children: [],
  hooks: { before: [], after: [], beforeEach: [], afterEach: [] },
})

/** The suite of the file under way. */
let current = null

export function beginFile(file) {
  current = newSuite(file, null)
  return current
}

const parsed = (args) => ({
  fn: args.findLast((each) => typeof each === 'function') ?? (() => {}),
  options: args.find((each) => typeof each === 'object' && each !== null) ?? {},
  name: typeof args[0] === 'string' ? args[0] : '<anonymous>',
})

export function test(...args) {
  const { name, options, fn } = parsed(args)
  if (options.skip || options.todo) return
  current.children.push({ name, fn, parent: current, isTest: true })
}

export function describe(...args) {
  const { name, options, fn } = parsed(args)
  if (options.skip || options.todo) return
  const suite = newSuite(name, current)
  current.children.push(suite)
  current = suite
  try {
    fn({ name })
  } finally {
    current = suite.parent
  }
}

for (const each of [test, describe]) each.skip = each.todo = () => {}
export const it = (...args) => test(...args)
export const suite = (...args) => describe(...args)
export const mock = nodeMock
export default Object.assign(test, { test, it, describe, suite, mock })

const hook = (kind) => (fn) => void current.hooks[kind].push(fn)
export const before = hook('before')
export const after = hook('after')
export const beforeEach = hook('beforeEach')
export const afterEach = hook('afterEach')

/** The tests of a suite, in their order. */
export const testsOf = (suite) => suite.children.flatMap((child) => (child.isTest ? [child] : testsOf(child)))

export const fullName = ({ name, parent }) => (parent?.parent ? `${fullName(parent)} > ${name}` : name)

class TimedOut extends Error {}

/** Fails with what the process would have died of. */
let failCurrent = () => {}
for (const event of ['uncaughtException', 'unhandledRejection'])
  process.on(event, (error) => failCurrent(error ?? new Error(event)))

/** The promise of `work`, or a rejection once the time is over or the process has an error that nothing catches. */
function within(ms, work) {
  let timer
  const failed = new Promise((_, reject) => {
    failCurrent = reject
    timer = setTimeout(reject, ms, new TimedOut('it does not end'))
  })
  return Promise.race([work(), failed]).finally(() => {
    clearTimeout(timer)
    failCurrent = () => {}
  })
}

const NO_HOOKS = { beforeEach: [], afterEach: [] }

async function runTest(each, limitMs) {
  const afters = []
  const controller = new AbortController()
  const t = {
    name: each.name,
    fullName: fullName(each),
    signal: controller.signal,
    mock: new MockTracker(),
    after: (fn) => void afters.push(fn),
    diagnostic() {},
    /** A part of this test. */
    async test(...args) {
      const part = { ...parsed(args), parent: { children: [], hooks: NO_HOOKS } }
      await runTest(part, limitMs)
    },
  }
  const suites = []
  for (let around = each.parent; around; around = around.parent) suites.unshift(around)
  const failures = []
  const step = async (fn) => {
    try {
      await fn(t)
    } catch (error) {
      failures.push(error)
    }
  }
  await within(limitMs, async () => {
    for (const { hooks } of suites) for (const fn of hooks.beforeEach) await step(fn)
    if (failures.length === 0) await step(each.fn)
    for (const { hooks } of suites.reverse()) for (const fn of hooks.afterEach) await step(fn)
    for (const fn of afters) await step(fn)
    t.mock.reset()
    controller.abort()
  })
  if (failures.length > 0) throw failures[0]
}

/** The hooks of files run once, the others each time that a test of their suite is chosen. */
const begun = new Set()

/**
 * Runs the chosen tests of a file in their order, up to the first that fails.
 *
 * @param limitOf the time in which a test has to end
 * @param onTest told of each test before it begins, and of its end
 * @returns null, or the failed test and whether it was too slow
 */
export async function runTests(suite, chosen, limitOf, onTest = () => {}) {
  const isWanted = (node) => (node.isTest ? chosen.has(node) : node.children.some(isWanted))
  const hooksOf = async (owner, kind, limitMs) => {
    for (const fn of owner.hooks[kind]) await within(limitMs, async () => fn({ name: owner.name, mock }))
  }
  let failure = null
  const visit = async (node) => {
    if (failure !== null || !isWanted(node)) return
    const first = node.isTest ? node : testsOf(node).find((each) => chosen.has(each))
    const limitMs = limitOf(first)
    const attempt = async (work) => {
      try {
        await work()
      } catch (error) {
        failure ??= { test: first, isSlow: error instanceof TimedOut, error }
      }
    }
    if (node.isTest) {
      onTest(node, 'begins')
      await attempt(() => runTest(node, limitMs))
      onTest(node, 'ends')
      return
    }
    const isFile = node.parent === null
    if (!isFile || !begun.has(node)) await attempt(() => hooksOf(node, 'before', limitMs))
    if (isFile) begun.add(node)
    for (const child of node.children) await visit(child)
    if (!isFile) await attempt(() => hooksOf(node, 'after', limitMs))
  }
  await visit(suite)
  return failure
}
