/** The mutants of the engine: listed by cargo-mutants, and compiled all together. */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { capture, root } from '../process.mjs'
import { filesUnder } from '../setup/newest.mjs'
import { Advice, say } from '../terminal.mjs'
import { digestOf } from './digest.mjs'
import { SWITCH, switched } from './switched.mjs'

const COPY = join(root, 'target/mutants/engine')
const TARGET = join(root, 'target/mutants/cargo')
const KNOWN = join(root, 'target/mutants/engine-programs.json')
/** All that cargo wants to see of the workspace. */
const PARTS = ['Cargo.toml', 'Cargo.lock', 'build.rs', 'engine', 'src']

/** A line that is too short to be known by is shown with the next ones. */
const SHORT = 40

function knownBy(lines, index) {
  let text = lines[index].trim()
  for (let next = index + 1; text.length < SHORT && next < lines.length; next += 1)
    text += ` ${lines[next].trim()}`
  return text
}

/** All mutants of the engine. Equal sources, equal lists, in the same order. */
export async function rustMutants() {
  const { code, output } = await capture('cargo', ['mutants', '-p', 'durabl-engine', '--list', '--json'])
  if (code !== 0) {
    throw new Advice(
      `cargo-mutants lists no mutants; install it by \`cargo install cargo-mutants\`:\n${output}`,
    )
  }
  const found = JSON.parse(output.slice(output.indexOf('[')))
  const sources = new Map()
  return found.map(({ file, name, span, replacement, function: within }, index) => {
    if (!sources.has(file)) sources.set(file, readFileSync(join(root, file), 'utf8').split('\n'))
    const was = knownBy(sources.get(file), span.start.line - 1)
    // The name without file, line and column, which change too easily.
    const is = name.replace(/^\S+ /, '')
    return { id: index + 1, file, line: span.start.line, was, is, span, replacement, function: within }
  })
}

/** All that decides which programs come out: the engine with its tests, and how mutants are put into it. */
function digestOfSources() {
  const tools = ['scripts/mutants/rust.mjs', 'scripts/mutants/switched.mjs']
  return digestOf(root, ['Cargo.lock', ...filesUnder('engine'), ...tools])
}

/** Writes these sources, with these mutants. Returns where the mutants stand, by file, and the ids by function. */
function writeSources(files, mutants) {
  const placesByFile = new Map()
  const functions = []
  for (const file of files) {
    const own = mutants.filter((mutant) => mutant.file === file)
    const written = switched(readFileSync(join(root, file), 'utf8'), own)
    writeFileSync(join(COPY, file), written.text)
    placesByFile.set(file, written.places)
    functions.push(...written.functions)
  }
  return { placesByFile, functions }
}

async function cargo(args) {
  const lines = []
  const { code, output } = await capture('cargo', [...args, '--message-format=json'], {
    env: { CARGO_TARGET_DIR: TARGET, CARGO_MANIFEST_PATH: join(COPY, 'Cargo.toml') },
    onLine: (line) => line.startsWith('{') && lines.push(JSON.parse(line)),
  })
  return { code, output, messages: lines }
}

/** Where the compiler's errors are. */
function errorPlaces(messages) {
  return messages
    .filter(({ reason, message }) => reason === 'compiler-message' && message.level === 'error')
    .flatMap(({ message }) => message.spans.filter(({ is_primary }) => is_primary))
    .map(({ file_name, line_start }) => ({ file: file_name.replaceAll('\\', '/'), line: line_start }))
}

const inWords = (messages) =>
  messages
    .filter(({ message }) => message?.level === 'error')
    .map(({ message }) => message.rendered)
    .join('\n')

function copySources() {
  rmSync(COPY, { recursive: true, force: true })
  for (const part of PARTS) {
    mkdirSync(dirname(join(COPY, part)), { recursive: true })
    cpSync(join(root, part), join(COPY, part), { recursive: true })
  }
}

/** The ids by function of the mutants that compile; the sources with these are in the copy then. */
async function compilable(mutants, manifest) {
  const crateRoot = join(COPY, 'engine/src/lib.rs')
  const files = new Set(mutants.map(({ file }) => file))
  let left = mutants
  for (;;) {
    const { placesByFile, functions } = writeSources(files, left)
    writeFileSync(crateRoot, readFileSync(crateRoot, 'utf8').replace(SWITCH, '') + SWITCH)
    const { code, output, messages } = await cargo(['check', ...manifest, '--lib', '--tests'])
    if (code === 0) return functions
    const broken = new Set()
    for (const { file, line } of errorPlaces(messages)) {
      const at = placesByFile.get(file)?.find(({ first, last }) => first <= line && line <= last)
      for (const id of at?.ids ?? []) broken.add(id)
    }
    if (broken.size === 0) throw new Error(`the engine does not compile:\n${inWords(messages) || output}`)
    say(`${broken.size} mutants do not compile and are left out`)
    left = left.filter(({ id }) => !broken.has(id))
  }
}

/**
 * Compiles the engine's tests with all these mutants in them, unless the sources are those of the last time.
 *
 * @returns the test programs `unit` and `suite`, the ids of the mutants in them by function, and the digest of all sources. Other mutants
 *   do not compile, or belong to no function
 */
export async function compileMutants(mutants) {
  const sources = digestOfSources()
  const known = existsSync(KNOWN) && JSON.parse(readFileSync(KNOWN, 'utf8'))
  if (known && known.sources === sources && existsSync(known.unit) && existsSync(known.suite)) return known
  say('compiling them, all together')
  copySources()
  const manifest = ['--manifest-path', join(COPY, 'Cargo.toml'), '-p', 'durabl-engine']
  const functions = await compilable(mutants, manifest)
  const { code, output, messages } = await cargo(['test', ...manifest, '--no-run'])
  if (code !== 0) throw new Error(`the engine's tests do not compile:\n${output.slice(-5000)}`)
  const program = (name) =>
    messages.findLast(({ executable, target }) => executable && target?.name === name)?.executable
  const programs = { sources, unit: program('durabl_engine'), suite: program('suite'), functions }
  writeFileSync(KNOWN, JSON.stringify(programs))
  return programs
}
