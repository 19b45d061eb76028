/** The engine's own tests: Rust alone, against the server. */
import { capture } from '../process.mjs'

const SUMMARY = /^test result: .*?(\d+) passed; (\d+) failed; (\d+) ignored/

/** @returns how many tests passed, failed and were skipped; `broken` if the run ended badly all the same */
export async function runRustTests(env) {
  const counts = { passed: 0, failed: 0, skipped: 0, broken: false }
  const colour = process.stdout.isTTY ? 'always' : 'never'
  const { code } = await capture('cargo', ['test', '-p', 'durabl-engine', '--no-fail-fast'], {
    env: { ...env, CARGO_TERM_COLOR: colour },
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
