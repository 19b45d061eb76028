/** The declarations that napi-rs emits while it compiles the binding, and TypeScript made of them. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { CODE } from '../cargo.mjs'
import { capture, root } from '../process.mjs'
import { Advice } from '../terminal.mjs'

/**
 * Compiles the binding and collects its declarations.
 *
 * The macros of napi-rs write them into a directory that this variable names. The directory is new each time: when the variable changes, cargo
 * compiles the binding again, and leaves out no declaration.
 */
export async function emitted() {
  mkdirSync(join(root, 'target'), { recursive: true })
  const directory = mkdtempSync(join(root, 'target/border-'))
  try {
    const { code, output } = await capture('cargo', CODE, {
      env: { NAPI_TYPE_DEF_TMP_FOLDER: directory },
    })
    if (code !== 0) throw new Advice(`the binding did not compile:\n${output}`)
    const lines = readFileSync(join(directory, 'durabl'), 'utf8').trim().split('\n')
    return lines.map((line) => JSON.parse(line))
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Types that Rust writes by hand, as they are generic. */
const PREAMBLE = `/**
 * The surface of the addon: all that \`src/\` offers and \`lib/\` calls. Absent values are \`null\`, never missing. BSON travels as
 * bytes in both directions.
 *
 * Written by scripts/native-types.mjs, from the declarations in \`src/\`.
 */

/** The reply to a call: exactly one of the two is not null, unless the value itself is null. */
export interface Reply<T> {
  value: T
  failure: NativeFailure | null
}

/** A reply to come. The promise never rejects. */
export type Promised<T> = Promise<Reply<T>>
`

/** Optional values are null in both directions, although napi-rs would accept \`undefined\` too. */
const strict = (code) => code.replaceAll('| undefined | null', '| null').replaceAll(/\b(\w+)\?: /g, '$1: ')

/** Sections of a Rust comment that TypeScript has other words for. */
const documentation = (text) => text.replaceAll(/^ \* # Errors\n \* (.+)$/gm, ' * @throws Error: $1')

const body = (code) => strict(documentation(code))

const words = (code) => [...code.matchAll(/= ('[^']+')/g)].map(([, word]) => word)

/** One declaration as TypeScript, unless it is part of an interface that several make up. */
function declaration({ kind, name, js_doc: comment, def: code }) {
  switch (kind) {
    case 'interface':
      return `${comment}export interface ${name} {\n${body(code)}\n}`
    case 'string_enum':
      return `${comment}export type ${name} = ${words(code).join(' | ')}`
    case 'type':
      return `${comment}export type ${name} =\n${body(code)}`
    case 'struct':
    case 'impl':
    case 'fn':
      return null
    default:
      throw new Error(`${name}: there is no rule for a declaration of kind ${kind} yet: add it here`)
  }
}

/** A class is an interface here: nothing in \`lib/\` makes one. Its methods come from several files. */
function classes(declarations) {
  const structs = declarations.filter(({ kind }) => kind === 'struct')
  return structs.map(({ name, js_doc: comment }) => {
    const parts = declarations.filter((part) => part.kind === 'impl' && part.name === name)
    const methods = parts.map(({ def }) => body(def)).sort()
    return `${comment}export interface ${name} {\n${methods.join('\n')}\n}`
  })
}

function addon(declarations) {
  const functions = declarations
    .filter(({ kind }) => kind === 'fn')
    .map(({ js_doc: comment, def }) => documentation(comment) + strict(def.replace(/^function /, '')))
  return `/** The module. */\nexport interface NativeAddon {\n${functions.join('\n')}\n}`
}

/** The text of the types. They are sorted: the compiler promises no order. */
export function typesOf(emittedDeclarations) {
  const declarations = emittedDeclarations.toSorted((a, b) =>
    a.name < b.name ? -1 : Number(a.name > b.name),
  )
  const parts = [
    PREAMBLE,
    addon(declarations),
    ...classes(declarations),
    ...declarations.map(declaration).filter((text) => text !== null),
  ]
  return parts.join('\n\n')
}
