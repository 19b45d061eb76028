/** The mutants of the engine: listed by cargo-mutants, compiled all together, tried one by one. */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { capture, root } from '../process.mjs'
import { Advice, say } from '../terminal.mjs'
import { SWITCH, switched } from './switched.mjs'

const COPY = join(root, 'target/mutants/engine')
const TARGET = join(root, 'target/mutants/cargo')
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

/** Writes these sources, with these mutants. Returns where the mutants stand, by file. */
function writeSources(files, mutants) {
  const placesByFile = new Map()
  for (const file of files) {
    const own = mutants.filter((mutant) => mutant.file === file)
    const { text, places } = switched(readFileSync(join(root, file), 'utf8'), own)
    writeFileSync(join(COPY, file), text)
    placesByFile.set(file, places)
  }
  return placesByFile
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

/**
 * Compiles the engine's tests with all these mutants in them.
 *
 * @returns the test programs, and the ids of the mutants that are in them; others are no Rust that compiles
 */
export async function compileMutants(mutants) {
  rmSync(COPY, { recursive: true, force: true })
  for (const part of PARTS) {
    mkdirSync(dirname(join(COPY, part)), { recursive: true })
    cpSync(join(root, part), join(COPY, part), { recursive: true })
  }
  const manifest = ['--manifest-path', join(COPY, 'Cargo.toml'), '-p', 'durabl-engine']
  const crateRoot = join(COPY, 'engine/src/lib.rs')
  const files = new Set(mutants.map(({ file }) => file))
  let left = mutants
  let placesByFile
  for (;;) {
    placesByFile = writeSources(files, left)
    writeFileSync(crateRoot, readFileSync(crateRoot, 'utf8').replace(SWITCH, '') + SWITCH)
    const { code, output, messages } = await cargo(['check', ...manifest, '--lib', '--tests'])
    if (code === 0) break
    const broken = new Set()
    for (const { file, line } of errorPlaces(messages)) {
      const at = placesByFile.get(file)?.find(({ first, last }) => first <= line && line <= last)
      for (const id of at?.ids ?? []) broken.add(id)
    }
    if (broken.size === 0) throw new Error(`the engine does not compile:\n${inWords(messages) || output}`)
    say(`${broken.size} mutants do not compile and are left out`)
    left = left.filter(({ id }) => !broken.has(id))
  }
  const { code, output, messages } = await cargo(['test', ...manifest, '--no-run'])
  if (code !== 0) throw new Error(`the engine's tests do not compile:\n${output.slice(-5000)}`)
  const program = (name) =>
    messages.findLast(({ executable, target }) => executable && target?.name === name)?.executable
  const ids = new Set([...placesByFile.values()].flat().flatMap((place) => place.ids))
  return { unit: program('durabl_engine'), suite: program('suite'), ids }
}
