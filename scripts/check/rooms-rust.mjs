/** The rooms of the engine: see the map in `engine/src/lib.rs`. Code that only tests use is bound by no rule. */
import { filesUnder } from '../setup/newest.mjs'
import { read } from './files.mjs'
import { circles, upwardArrows } from './rooms.mjs'

const ROOT = 'engine/src'

/** From the top floor to the lowest. */
const FLOORS = [
  ['lib'],
  ['engine'],
  ['worker'],
  ['verbs'],
  ['wake'],
  ['store', 'report'],
  ['job', 'connection'],
  ['base'],
]

const moduleOf = (file) =>
  file === `${ROOT}/lib.rs` ? [] : file.slice(ROOT.length + 1, -'.rs'.length).split('/')

/** The root shows all rooms, and stands above them. */
const roomOf = (file) => moduleOf(file)[0] ?? 'lib'

const withoutComments = (text) => text.replaceAll(/^\s*\/\/.*$/gm, '').replaceAll(/([^:"])\/\/ .*$/gm, '$1')

/** Modules that are only there for tests: those written in place are cut out, and the names of the others are told. */
function withoutTests(text) {
  const names = []
  const code = text
    .replaceAll(/^#\[cfg\(test\)\]\nmod \w+ \{\n[\s\S]*?^\}$/gm, '')
    .replaceAll(/^#\[cfg\(test\)\]\n(?:pub(?:\(\w+\))? )?mod (\w+);$/gm, (_, name) => {
      names.push(name)
      return ''
    })
  return { code, names }
}

/** Splits `a, b::{c, d}` at the commas that are in no braces. */
function branches(tree) {
  const found = ['']
  let depth = 0
  for (const letter of tree) {
    if (letter === '{') depth += 1
    if (letter === '}') depth -= 1
    if (letter === ',' && depth === 0) found.push('')
    else found[found.length - 1] += letter
  }
  return found.map((branch) => branch.trim()).filter(Boolean)
}

/** The paths of a `use` tree. */
function pathsOf(tree, before = []) {
  const [, path, inBraces] = tree.match(/^((?:[\w*]+(?:::)?)*)(?:\{([\s\S]*)\})?/)
  const steps = [...before, ...path.split('::').filter(Boolean)]
  return inBraces === undefined ? [steps] : branches(inBraces).flatMap((branch) => pathsOf(branch, steps))
}

function pathsIn(code, children) {
  const uses = [...code.matchAll(/^\s*(?:pub(?:\([\w ]+\))? )?use ([^;]+);/gm)].flatMap(([, tree]) =>
    pathsOf(tree.trim()),
  )
  const rest = code.replaceAll(/^\s*(?:pub(?:\([\w ]+\))? )?use [^;]+;/gm, '')
  const inline = [...rest.matchAll(/(?<![\w:])((?:crate|super|self)(?:::\w+)+)/g)].map(([, path]) =>
    path.split('::'),
  )
  const ofChildren = children
    .filter((child) => new RegExp(`(?<![\\w:.])${child}::`).test(rest))
    .map((child) => ['self', child])
  return [...uses, ...inline, ...ofChildren]
}

/** Where a path begins, by the crate's root. Nothing if it leads out of the crate. */
function absolute(path, module, children) {
  if (path[0] === 'crate') return path.slice(1)
  if (path[0] === 'self') return [...module, ...path.slice(1)]
  if (path[0] !== 'super') return children.includes(path[0]) ? [...module, ...path] : undefined
  const ups = path.findLastIndex((step) => step === 'super') + 1
  return [...module.slice(0, module.length - ups), ...path.slice(ups)]
}

/** The files that each file uses: a graph, from the names in their texts. */
export function graphOfRust(texts) {
  const stripped = new Map([...texts].map(([file, text]) => [file, withoutTests(withoutComments(text))]))
  const onlyTests = [...stripped].flatMap(([file, { names }]) =>
    names.map((name) => [...moduleOf(file), name].join('::')),
  )
  const isOnlyForTests = (file) => {
    const module = moduleOf(file)
    return module.some((_, place) => onlyTests.includes(module.slice(0, place + 1).join('::')))
  }
  const files = [...texts.keys()].filter((file) => !isOnlyForTests(file))
  const byModule = new Map(files.map((file) => [moduleOf(file).join('::'), file]))
  const fileOf = (path) => {
    for (let length = path.length; length >= 0; length -= 1) {
      const file = byModule.get(path.slice(0, length).join('::'))
      if (file) return file
    }
  }
  const usedBy = (from) => {
    const { code } = stripped.get(from)
    const module = moduleOf(from)
    const children = [...code.matchAll(/^(?:pub(?:\(\w+\))? )?mod (\w+);$/gm)].map(([, name]) => name)
    const paths = pathsIn(code, children).map((path) => absolute(path, module, children))
    const used = new Set(paths.filter(Boolean).map(fileOf))
    used.delete(from)
    return [...used]
  }
  return new Map(files.map((file) => [file, usedBy(file)]))
}

/** The one file that spawns tasks: it sees to it that none ends by a panic. */
const SPAWNS = `${ROOT}/report/tasks.rs`

/** Complaints about files that spawn a task by themselves. */
export function straySpawns(texts) {
  return [...texts]
    .filter(
      ([file, text]) =>
        file !== SPAWNS && /\bspawn\w*\(/.test(withoutOwnSets(withoutTests(withoutComments(text)).code)),
    )
    .map(([file]) => `${file} spawns a task: ${SPAWNS} does that, so that a panic does not end it`)
}

/** An engine holds what it spawned in a set, which ends with it. Whatever is put there has been made by the one file. */
const withoutOwnSets = (code) => code.replaceAll(/lock\(&self\.tasks\)\.spawn\(/g, '')

export async function checkRustRooms() {
  const files = filesUnder(ROOT).filter((file) => file.endsWith('.rs'))
  const texts = new Map(files.map((file) => [file, read(file)]))
  const graph = graphOfRust(texts)
  const inUse = new Map([...texts].filter(([file]) => graph.has(file)))
  return [...upwardArrows(graph, FLOORS, roomOf), ...circles(graph), ...straySpawns(inUse)]
}
