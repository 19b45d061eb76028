/** The JavaScript tests, by Node's own runner. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../process.mjs'
import { filesUnder } from '../setup/newest.mjs'

/** No test file takes so long; one that hangs must not hang the run. */
const FILE_TIMEOUT_MS = 300_000

/** The test files whose path contains one of these; all of them if there are none. */
export function testFiles(filters) {
  return filesUnder('__test__')
    .filter((file) => /\.test\.[cm]js$/.test(file))
    .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
    .sort()
}

const countIn = (tap, word) => Number(tap.match(new RegExp(`^# ${word} (\\d+)$`, 'm'))?.[1] ?? 0)

/**
 * @param options flags for Node's runner, such as `--test-name-pattern`
 * @returns how many tests passed, failed and were skipped; `broken` if the run ended badly all the same
 */
export async function runNodeTests(files, env, options) {
  const directory = mkdtempSync(join(tmpdir(), 'durabl-test-'))
  const report = join(directory, 'report.tap')
  const flags = [
    ...['--test', `--test-timeout=${FILE_TIMEOUT_MS}`, '--enable-source-maps'],
    ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
    ...['--test-reporter=tap', `--test-reporter-destination=${report}`],
  ]
  try {
    const code = await run(process.execPath, [...flags, ...options, ...files], { env })
    const tap = readFileSync(report, { encoding: 'utf8', flag: 'a+' })
    const failed = countIn(tap, 'fail') + countIn(tap, 'cancelled')
    const skipped = countIn(tap, 'skipped') + countIn(tap, 'todo')
    return { passed: countIn(tap, 'pass'), failed, skipped, broken: code !== 0 && failed === 0 }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
