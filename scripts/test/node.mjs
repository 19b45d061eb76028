/** The JavaScript tests, by Node's own runner. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../process.mjs'
import { filesUnder } from '../setup/newest.mjs'

/** No test file takes so long, on a slow machine neither; one that hangs must not hang the run. */
const FILE_TIMEOUT_MS = 900_000
/** By how much longer the long forms may take: outages as long as real ones come in them, and many kills. */
const LONG_FORMS_MS = 1_800_000

/** Kinds of tests, those whose files take longest first: what is left at the end should be short. */
const KINDS = ['faults', 'integration', 'conformance', 'unit']

/** Files run at once at least, as they wait for a server most of the time, and at most, as they have one server. */
const [FEWEST, MOST] = [3, 6]

/** The time limit of a whole file, as Node 20 has it. The time that the long forms ask for comes on top. */
function fileTimeoutMs({ DURABL_LONG, DURABL_FUZZ_SECONDS }) {
  const fuzzMs = 1000 * (Number(DURABL_FUZZ_SECONDS) || 0)
  return FILE_TIMEOUT_MS + fuzzMs + (DURABL_LONG === '1' ? LONG_FORMS_MS : 0)
}

const partsOf = (file) => file.split(/[\\/]/)

/** The folder below `__test__` that a test file stands in. */
export const kindOf = (file) => partsOf(file)[1]

function byKindAndName(one, other) {
  const [first, second] = [one, other].map((file) => KINDS.indexOf(kindOf(file)))
  return first - second || (one < other ? -1 : 1)
}

/** The test files whose path contains one of these; all of them if there are none. */
export function testFiles(filters) {
  return filesUnder('__test__')
    .map((file) => partsOf(file).join('/'))
    .filter((file) => /\.test\.[cm]js$/.test(file))
    .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
    .sort(byKindAndName)
}

const countIn = (tap, word) => Number(tap.match(new RegExp(`^# ${word} (\\d+)$`, 'm'))?.[1] ?? 0)

/** The number of tests that Node counts as skipped because their names don't fit the pattern. */
const notAskedFor = (tap) => tap.match(/# SKIP test name does not match pattern$/gm)?.length ?? 0

const NAMES = '--test-name-pattern='

/** The number of files that run at once, where no test measures how soon something happens. */
export const together = () => Math.min(MOST, Math.max(FEWEST, availableParallelism()))

/**
 * @param options flags for Node, and `--test-name-pattern=`
 * @param concurrency how many files run at once
 * @returns how many tests passed, failed and were skipped; `broken` if the run ended badly all the same
 */
export async function runNodeTests(files, env, options, concurrency) {
  const directory = mkdtempSync(join(tmpdir(), 'durabl-test-'))
  const report = join(directory, 'report.tap')
  const names = options
    .filter((option) => option.startsWith(NAMES))
    .map((option) => option.slice(NAMES.length))
  const flags = ['--enable-source-maps', ...options.filter((option) => !option.startsWith(NAMES))]
  const orders = { files, concurrency, timeout: fileTimeoutMs(process.env), names, report }
  try {
    const args = [...flags, 'scripts/test/files.mjs', JSON.stringify(orders)]
    const code = await run(process.execPath, args, { env })
    const tap = readFileSync(report, { encoding: 'utf8', flag: 'a+' })
    const failed = countIn(tap, 'fail') + countIn(tap, 'cancelled')
    const skipped = countIn(tap, 'skipped') + countIn(tap, 'todo') - notAskedFor(tap)
    return { passed: countIn(tap, 'pass'), failed, skipped, broken: code !== 0 && failed === 0 }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
