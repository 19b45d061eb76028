/**
 * A process that holds loaded tests and tries mutants on them, as `scripts/mutants/host.mjs` asks. It answers by lines on descriptor 3, which
 * arrive also from a process that never gets back to its event loop.
 */
import { existsSync, readFileSync, readdirSync, rmSync, writeSync } from 'node:fs'
import { createRequire, register } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { beginFile, fullName, runTests, testsOf } from './node-test.mjs'

register('./hooks.mjs', import.meta.url)
const [directory] = process.argv.slice(2)
globalThis.isDurablMutantsHost = true
createRequire(import.meta.url)('./switch.cjs')
const mutants = globalThis.durablMutants
const askedDirectory = process.env.DURABL_MUTANTS_ASKED

const say = (message) => void writeSync(3, `${JSON.stringify(message)}\n`)

/** The loaded files: by path the suite, and the mutants that were asked for while it was loaded. */
const files = new Map()

async function load(file) {
  if (files.has(file)) return files.get(file)
  const known = mutants.asked.slice()
  mutants.asked.fill(0)
  const suite = beginFile(file)
  await import(pathToFileURL(join(directory, file)).href)
  const loaded = { suite, tests: testsOf(suite), atLoad: takeAsked() }
  known.forEach((was, id) => (mutants.asked[id] |= was))
  files.set(file, loaded)
  return loaded
}

/** The mutants that this process and those that it started have asked for since the last call. */
function takeAsked() {
  const ids = new Set()
  const add = (asked) => asked.forEach((was, id) => was && ids.add(id))
  add(mutants.asked)
  mutants.asked.fill(0)
  if (askedDirectory && existsSync(askedDirectory)) {
    for (const name of readdirSync(askedDirectory)) add(readFileSync(join(askedDirectory, name)))
    rmSync(askedDirectory, { recursive: true, force: true })
  }
  return [...ids]
}

function turnOn(id) {
  mutants.active = id
  process.env.DURABL_MUTANT = String(id)
}

const orders = {
  /** Each test of the file by itself; then all of them again. */
  async measure({ file, limitMs }) {
    const { suite, tests, atLoad } = await load(file)
    say({ atLoad, names: tests.map(fullName) })
    const limitOf = () => limitMs
    const failing = new Set()
    for (const [index, each] of tests.entries()) {
      takeAsked()
      say({ begins: index, limitMs })
      const startedAt = Date.now()
      const failure = await runTests(suite, new Set([each]), limitOf)
      if (failure) failing.add(each)
      const why = failure && String(failure.error?.message ?? failure.error).slice(0, 300)
      say({ index, ms: Date.now() - startedAt, asked: takeAsked(), why })
    }
    let left = new Set(tests.filter((each) => !failing.has(each)))
    const unrepeatable = []
    while (left.size > 0) {
      const failure = await runTests(suite, left, limitOf, (each) =>
        say({ begins: tests.indexOf(each), limitMs }),
      )
      if (failure === null) break
      unrepeatable.push(tests.indexOf(failure.test))
      left = new Set(tests.slice(tests.indexOf(failure.test) + 1).filter((each) => left.has(each)))
    }
    say({ done: true, unrepeatable })
  },

  /** The tests of these numbers, with this mutant, up to the first that fails. */
  async run({ file, tests: chosen, limits, mutant }) {
    const { suite, tests } = await load(file)
    const places = new Map(chosen.map((index, place) => [tests[index], place]))
    mutants.asked[mutant] = 0
    turnOn(mutant)
    const failure = await runTests(
      suite,
      new Set(places.keys()),
      (each) => limits[places.get(each)],
      (each, what) =>
        what === 'begins' && say({ begins: chosen[places.get(each)], limitMs: limits[places.get(each)] }),
    )
    turnOn(0)
    const wasAsked = mutants.asked[mutant] === 1
    const failed = failure && { index: tests.indexOf(failure.test), isSlow: failure.isSlow }
    say({ done: true, failed, wasAsked })
  },
}

process.on('message', async ({ order, ...rest }) => {
  try {
    await orders[order](rest)
  } catch (error) {
    say({ done: true, broken: String(error?.stack ?? error) })
  }
})
process.on('disconnect', () => process.exit())
say({ ready: true })
