/** The engine's own tests: Rust alone, against the server. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { COMPILE_TESTS, testsNamed } from '../cargo.mjs'
import { capture, root } from '../process.mjs'
import { filesUnder } from '../setup/newest.mjs'

const SUMMARY = /^test result: .*?(\d+) passed; (\d+) failed; (\d+) ignored/

/** A test's attribute, those below it, and its name. */
const TESTS = /^\s*#\[(?:tokio::)?test\b[^\n]*\n(?:\s*#\[[^\n]*\n)*\s*(?:async )?fn (\w+)/gm

/** Whether a test has this in its name, with its modules before it as cargo prints it: found in the sources, as compiling takes long. */
export function isRustTest(name) {
  return filesUnder('engine/src', 'engine/tests').some((file) => {
    const modules = file.replaceAll(/[\\/]/g, '::').replace(/\.rs$/, '')
    const names = [...readFileSync(join(root, file), 'utf8').matchAll(TESTS)].map(([, test]) => test)
    return names.some((test) => `${modules}::${test}`.includes(name))
  })
}

const env = () => ({ CARGO_TERM_COLOR: process.stdout.isTTY ? 'always' : 'never' })

/** Compiles the tests, so that they can start at once. `runRustTests` reports the failures, as it would compile again. */
export const compileRustTests = () => capture('cargo', COMPILE_TESTS)

/**
 * @param names only the tests whose name contains one of these; all if there are none
 * @returns how many tests passed, failed and were skipped; `broken` if the run ended badly all the same
 */
export async function runRustTests(names, testEnv) {
  const counts = { passed: 0, failed: 0, skipped: 0, broken: false }
  const { code } = await capture('cargo', testsNamed(names), {
    env: { ...testEnv, ...env() },
    onLine(line) {
      if (!/^\s*(Compiling|Downloaded|Downloading) /.test(line)) console.log(line)
      // eslint-disable-next-line no-control-regex -- cargo's colours
      const summary = line.replaceAll(/\x1b\[[\d;]*m/g, '').match(SUMMARY)
      if (!summary) return
      counts.passed += Number(summary[1])
      counts.failed += Number(summary[2])
      counts.skipped += Number(summary[3])
    },
  })
  counts.broken = code !== 0 && counts.failed === 0
  return counts
}
