/** The JavaScript tests on one mutant of `lib/`, until the first one fails. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { capture, root } from '../process.mjs'
import { compiled } from './typescript.mjs'

const FAILED = /^\s*not ok \d+ - (.*)$/
/** A test that takes this many times as long as without a mutant never ends. */
const PATIENCE = 4
const LEAST_PATIENCE_MS = 20_000

/** Runs one test file until its first failure. Returns the failed test, or null. */
export async function runTestFile(test, directory, env, timeoutMs) {
  const stop = new AbortController()
  let failed = null
  const onLine = (line) => {
    failed ??= line.match(FAILED)?.[1] ?? null
    if (failed !== null) stop.abort()
  }
  const startedAt = Date.now()
  const args = ['--test-reporter=tap', '--enable-source-maps', join(directory, test)]
  const { code } = await capture(process.execPath, args, { env, onLine, timeoutMs, signal: stop.signal })
  if (failed !== null) return failed
  if (code === 0) return null
  return Date.now() - startedAt >= timeoutMs ? '(it does not end)' : '(it ends badly)'
}

function compilerOptions() {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
  return ts.parseJsonConfigFileContent(config, ts.sys, root).options
}

/**
 * Somewhere to try mutants, one at a time.
 *
 * @param directory a copy of the package
 * @param reaching the tests that reach a file, the quickest first
 * @param isTyped whether the compiler takes a mutant
 */
export function libBench({ directory, env, reaching, isTyped }) {
  const options = compilerOptions()
  /** By file, the tests that have caught most: they are run first. */
  const catches = new Map()

  function inOrder(file) {
    const caught = catches.get(file) ?? new Map()
    const worth = ({ test, ms }) => (1 + (caught.get(test) ?? 0)) / ms
    return reaching(file).toSorted((one, other) => worth(other) - worth(one))
  }

  function note(file, test) {
    const caught = catches.get(file) ?? new Map()
    catches.set(file, caught.set(test, (caught.get(test) ?? 0) + 1))
  }

  /** One that passes when it is run again was only too slow. */
  async function failureOf(test, timeoutMs) {
    const failed = await runTestFile(test, directory, env, timeoutMs)
    return failed === null ? null : runTestFile(test, directory, env, timeoutMs)
  }

  return {
    /** The compiler or the test that catches a mutant; null if it survives. */
    async catcher(mutant) {
      const { file } = mutant
      const source = readFileSync(join(root, file), 'utf8')
      const built = join(directory, file.replace(/^lib/, 'dist').replace(/\.ts$/, '.js'))
      const original = readFileSync(built, 'utf8')
      writeFileSync(built, compiled(source, mutant, options))
      try {
        for (const { test, ms } of inOrder(file)) {
          const timeoutMs = Math.max(LEAST_PATIENCE_MS, PATIENCE * ms)
          const failed = await failureOf(test, timeoutMs)
          if (failed === null) continue
          note(file, test)
          return `${test} ${failed}`
        }
      } finally {
        writeFileSync(built, original)
      }
      return isTyped(mutant) ? null : 'tsc'
    },
  }
}
