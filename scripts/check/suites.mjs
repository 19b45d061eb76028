/**
 * Checks the places of the tests. Each file stands in a suite of a kind. A suite imports only its own files and the shared tools, and nothing
 * outside imports a test. The engine's tests sleep in one place.
 */
import { posix } from 'node:path'
import { ownFiles, read } from './files.mjs'

const HOME = '__test__/'
const SUPPORT = '__test__/support/'

/** Kinds of tests; whether each folder below one is a suite, or the whole of it. */
const KINDS = {
  ...{ unit: true, integration: true, timed: true, faults: true },
  ...{ conformance: false, packed: false, types: false, support: false },
}

const isCode = (file) => /\.[cm]?[jt]s$/.test(file)

/** The suite of a file of the tests, as a path; null if it stands in none. */
export function suiteOf(file) {
  const [, kind, folder, ...rest] = file.split('/')
  if (!(kind in KINDS)) return null
  if (!KINDS[kind]) return `${HOME}${kind}/`
  return rest.length > 0 ? `${HOME}${kind}/${folder}/` : null
}

/** The paths that a file imports by a relative path. */
const importsOf = (file, text) =>
  [...text.matchAll(/^(?:import|export)\b[^'\n]*(?:\n[^'\n]*)*?\bfrom '(\.[^']*)'|^import '(\.[^']*)'/gm)]
    .map(([, from, alone]) => from ?? alone)
    .concat([...text.matchAll(/\b(?:import|require)\('(\.[^']*)'\)/g)].map(([, path]) => path))
    .map((path) => posix.join(posix.dirname(file), path))

/** The complaint about an import, if there is one. */
function complaintOf(file, target) {
  if (!target.startsWith(HOME)) return null
  if (!file.startsWith(HOME)) return `${file} imports a test: ${target}`
  const suite = suiteOf(file)
  if (suite === null || target.startsWith(suite) || target.startsWith(SUPPORT)) return null
  return `${file} imports ${target}, of another suite: what both need belongs into ${SUPPORT}`
}

/** The complaints about a file, given its text. */
export function complaintsOf(file, text) {
  const homeless = file.startsWith(HOME) && suiteOf(file) === null
  return [
    ...(homeless
      ? [`${file} stands in no suite: ${HOME}KIND/SUITE/, of ${Object.keys(KINDS).join(', ')}`]
      : []),
    ...importsOf(file, text)
      .map((target) => complaintOf(file, target))
      .filter((complaint) => complaint !== null),
  ]
}

const RUST_TESTS = 'engine/tests/'
const RUST_WAITS = 'engine/tests/suite/support/waiting.rs'

/** A sleep in a test of the engine; for those in JavaScript there is a rule of eslint. */
export function sleepsIn(file, text) {
  if (!file.startsWith(RUST_TESTS) || !file.endsWith('.rs') || file === RUST_WAITS) return []
  return text
    .split('\n')
    .flatMap((line, at) =>
      /\bsleep(_until)?\(/.test(line) ? [`${file}:${at + 1} sleeps: see ${RUST_WAITS}`] : [],
    )
}

export async function checkSuites() {
  const files = (await ownFiles()).filter((file) => !file.includes('/projects/'))
  return files.flatMap((file) => {
    if (isCode(file)) return complaintsOf(file, read(file))
    return file.endsWith('.rs') ? sleepsIn(file, read(file)) : []
  })
}
