/** The TypeScript layer and its tests, as a run of mutants sees them. */
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { Script } from 'node:vm'
import ts from 'typescript'
import { ownFiles } from '../check/files.mjs'
import { root } from '../process.mjs'
import { filesUnder } from '../setup/newest.mjs'
import { testFiles } from '../test/node.mjs'
import { serverForTests } from '../test/server.mjs'
import { ASK, withChoices } from './choices.mjs'
import { libBench } from './lib-tests.mjs'
import { measureTests } from './reach.mjs'
import { typeChecker } from './typecheck.mjs'
import { mutantsOf } from './typescript.mjs'

const TESTS = ['unit/', 'conformance/', 'integration/'].map((kind) => `__test__/${kind}`)
/** These are about other things than `lib/`, or start servers and browsers of their own. */
const LEFT_OUT =
  /^__test__\/(unit\/(bench|scripts)|integration\/(connection|examples|package|scripts|side-by-side))\//
const BROWSER = /dashboard\/(pages|costs)/
/** The page runs in a browser; the bundle of it is text. */
const NO_SOURCE = /^lib\/dashboard\/(page\/|assets\.ts)/

/** The files that decide which tests reach a mutant. */
const OF_REACH = /^(lib|__test__|engine\/(vectors|tests\/corpus))\/|^[^/]+$/

const COPY = join(root, 'target/mutants/lib')
/** Beside what asks it, since some tests copy the package elsewhere. */
const SWITCH = join(COPY, 'dist/mutants.cjs')

async function libMutants() {
  const sources = filesUnder('lib').map((file) => file.replaceAll('\\', '/'))
  const own = sources.filter((file) => file.endsWith('.ts') && !NO_SOURCE.test(file))
  const found = own.flatMap((file) => mutantsOf(file, readFileSync(join(root, file), 'utf8')))
  return found.map((mutant, index) => ({ id: index + 1, ...mutant }))
}

function compilerOptions() {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root)
  return { ...options, sourceMap: false, inlineSources: false }
}

/** Writes what `tsc` would make of this file, with all its mutants to choose from. */
function writeCompiled(file, mutants, options) {
  const { text, ...found } = withChoices(readFileSync(join(root, file), 'utf8'), mutants)
  const { outputText } = ts.transpileModule(text, { compilerOptions: options })
  const built = join(COPY, file.replace(/^lib/, 'dist').replace(/\.ts$/, '.js'))
  const path = `./${relative(dirname(built), SWITCH)}`.replaceAll('\\', '/')
  const [, shebang, rest] = outputText.match(/^(#!.*\n)?([^]*)$/)
  // The compiler does not complain of every text that is no JavaScript.
  new Script(`(() => {${rest}})`, { filename: built })
  writeFileSync(built, `${shebang ?? ''}const ${ASK} = require('${path}');${rest}`)
  return found
}

/** A copy of the package and its tests, with all mutants in it. */
async function copyWithMutants(mutants) {
  rmSync(COPY, { recursive: true, force: true })
  const wanted = (file) => !/^(bench|docs|examples|engine(?!\/(vectors|tests\/corpus))|src|site)\//.test(file)
  const sources = (await ownFiles()).filter(wanted)
  const addons = filesUnder('.').filter((file) => /^[^/]*\.node$/.test(file))
  for (const file of [...sources, ...filesUnder('dist'), ...addons]) {
    mkdirSync(dirname(join(COPY, file)), { recursive: true })
    cpSync(join(root, file), join(COPY, file))
  }
  symlinkSync(join(root, 'node_modules'), join(COPY, 'node_modules'))
  cpSync(join(root, 'scripts/mutants/host/switch.cjs'), SWITCH)
  const options = compilerOptions()
  const byFile = new Map()
  for (const mutant of mutants) byFile.set(mutant.file, [...(byFile.get(mutant.file) ?? []), mutant])
  const [ids, ofFile] = [new Set(), new Set()]
  for (const [file, own] of byFile) {
    const found = writeCompiled(file, own, options)
    found.ids.forEach((id) => ids.add(id))
    found.ofFile.forEach((id) => ofFile.add(id))
  }
  return { sources, ids, ofFile }
}

/** By mutant, the tests that reach it. One that is asked for while its file is loaded is tried by the tests that use that file. */
function reachOf(mutants, results, ofFile) {
  const byId = new Map(mutants.map(({ id }) => [id, new Set()]))
  const byFile = new Map(mutants.map(({ file }) => [file, new Set()]))
  const fileOf = new Map(mutants.map(({ id, file }) => [id, file]))
  const usable = results.flatMap(({ tests, atLoad }) =>
    tests.filter(({ ms, why }) => ms !== null && !why).map((test) => ({ ...test, atLoad })),
  )
  for (const { asked, atLoad, ...test } of usable) {
    test.shares = new Map()
    for (const id of asked) {
      const file = fileOf.get(id)
      test.shares.set(file, (test.shares.get(file) ?? 0) + 1 / asked.length)
      byId.get(id)?.add(test)
      if (!ofFile.has(id)) byFile.get(fileOf.get(id))?.add(test)
    }
    for (const id of atLoad) byId.get(id)?.add(test)
  }
  return ({ id, file }) => {
    const users = ofFile.has(id) ? byFile.get(file) : null
    return [...(users?.size ? users : byId.get(id))]
  }
}

export const lib = {
  mutants: libMutants,
  /** Finds out which tests reach which mutants, and opens so many benches to try them on. */
  async prepare(chosen, { jobs, tests, budgetMs }) {
    const isChosen = (file) => tests.length === 0 || tests.some((part) => file.includes(part))
    const files = testFiles(TESTS).filter(
      (file) => !LEFT_OUT.test(file) && !BROWSER.test(file) && isChosen(file),
    )
    const mutants = await libMutants()
    const { sources, ids, ofFile } = await copyWithMutants(mutants)
    const [servers, benches] = [[], []]
    const stop = async () => {
      await Promise.all(benches.map((bench) => bench.stop()))
      await Promise.all(servers.map((server) => server.stop()))
    }
    try {
      for (let n = 0; n < jobs; n += 1) servers.push(await serverForTests())
      const environments = servers.map(({ url }, n) => ({
        DURABL_TEST_URL: url,
        DURABL_MUTANTS_ASKED: join(root, `target/mutants/asked-${n}`),
      }))
      const results = await measureTests(files, {
        directory: COPY,
        sources: sources.filter((file) => OF_REACH.test(file)),
        environments,
      })
      const reaching = reachOf(mutants, results, ofFile)
      const isTyped = typeChecker()
      const isOfFile = ({ id }) => ofFile.has(id)
      for (const env of environments)
        benches.push(libBench({ directory: COPY, env, reaching, isOfFile, isTyped, budgetMs }))
      return { benches, tried: chosen.filter(({ id }) => ids.has(id)), stop }
    } catch (error) {
      await stop()
      throw error
    }
  },
}
