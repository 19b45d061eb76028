/** Which tests reach which files of `lib/`, and how long they take. */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { runTestFile } from './lib-tests.mjs'

/** The files of `lib/` of which a function has run, by what V8 has written into this directory. */
function reachedFiles(coverage, directory) {
  const dist = `${pathToFileURL(join(directory, 'dist'))}/`
  const reached = new Set()
  for (const name of readdirSync(coverage)) {
    const { result } = JSON.parse(readFileSync(join(coverage, name), 'utf8'))
    for (const { url, functions } of result) {
      if (!url.startsWith(dist)) continue
      // The first one is the module itself, which runs wherever it is loaded: its mutants show where something of it is used.
      const hasRun = functions.slice(1).some(({ ranges }) => ranges[0].count > 0)
      if (hasRun || functions.length === 1)
        reached.add(`lib/${url.slice(dist.length).replace(/\.js$/, '.ts')}`)
    }
  }
  return reached
}

/** Runs each test file once; all of them must pass. Returns the quickest first, each with what it reaches. */
export async function measureTests(files, directory, env) {
  const known = []
  for (const test of files) {
    const coverage = mkdtempSync(join(tmpdir(), 'durabl-reach-'))
    try {
      const startedAt = Date.now()
      const run = () => runTestFile(test, directory, { ...env, NODE_V8_COVERAGE: coverage })
      // One that passes when it is run again was only too slow.
      const failed = (await run()) && (await run())
      if (failed !== null) throw new Error(`without a mutant ${test} fails: ${failed}`)
      known.push({ test, ms: Date.now() - startedAt, reached: reachedFiles(coverage, directory) })
    } finally {
      rmSync(coverage, { recursive: true, force: true })
    }
  }
  return known.sort((one, other) => one.ms - other.ms)
}
