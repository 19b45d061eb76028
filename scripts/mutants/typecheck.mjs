/** Whether the compiler takes a mutant. Asked of survivors alone: it takes longer than most tests. */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import ts from 'typescript'
import { root } from '../process.mjs'

export function typeChecker() {
  let program = null
  const known = new WeakMap()
  const isTyped = ({ file, from, to, replacement }) => {
    const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
    const { fileNames, options } = ts.parseJsonConfigFileContent(config, ts.sys, root)
    const path = join(root, file)
    const source = readFileSync(path, 'utf8')
    const text = `${source.slice(0, from)}${replacement}${source.slice(to)}`
    const host = ts.createCompilerHost(options)
    const read = host.getSourceFile
    host.getSourceFile = (name, ...rest) => {
      if (resolve(name) === path) return ts.createSourceFile(name, text, rest[0], true)
      return program?.getSourceFile(name) ?? read(name, ...rest)
    }
    const next = ts.createProgram(fileNames, options, host)
    const errors = next.getSemanticDiagnostics(next.getSourceFile(path))
    // The files that it has read are used again; the one with the mutant is not.
    program ??= ts.createProgram(fileNames, options, ts.createCompilerHost(options))
    return errors.length === 0
  }
  return (mutant) => {
    if (!known.has(mutant)) known.set(mutant, isTyped(mutant))
    return known.get(mutant)
  }
}
