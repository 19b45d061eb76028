/** The JavaScript tests, by Node's own runner. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../process.mjs'
import { filesUnder } from '../setup/newest.mjs'

/** No test file takes so long, on a slow machine neither; one that hangs must not hang the run. */
const FILE_TIMEOUT_MS = 900_000
/** By how much longer the long forms may take: outages as long as real ones come in them, and many kills. */
const LONG_FORMS_MS = 1_800_000

/** Of a whole file, as Node 20 has it. What the long forms are asked to take comes on top. */
function fileTimeoutMs({ DURABL_LONG, DURABL_FUZZ_SECONDS }) {
  const fuzzMs = 1000 * (Number(DURABL_FUZZ_SECONDS) || 0)
  return FILE_TIMEOUT_MS + fuzzMs + (DURABL_LONG === '1' ? LONG_FORMS_MS : 0)
}

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
    // One file after the other, however many processors there are: many tests look at how soon something happens.
    ...['--test', '--test-concurrency=1', '--enable-source-maps'],
    `--test-timeout=${fileTimeoutMs(process.env)}`,
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
