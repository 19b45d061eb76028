/** The rooms of `lib/`: a file may import from its own room and from those below, never in a circle. */
import { dirname, join, normalize } from 'node:path'
import ts from 'typescript'
import { ownFiles, read } from './files.mjs'
import { circles, upwardArrows } from './rooms.mjs'

/** From the highest floor down. Rooms of one floor don't know each other. */
export const FLOORS = [
  ['contract'],
  ['index'],
  ['command', 'dashboard/page'],
  ['command/verbs'],
  ['command/tools'],
  ['testing', 'eslint', 'otel'],
  ['compat', 'orchestrator', 'dashboard'],
  ['queue'],
  ['driver', 'memory'],
  ['engine/addon', 'engine/script'],
  ['engine'],
  ['run'],
  ['mongo'],
  ['mongo/transactions', 'mongo/connection'],
  ['mongo/native', 'mongo/bson'],
  ['mongo/packages'],
  ['schedule', 'journal'],
  ['backend'],
  ['validate'],
  ['base'],
  ['types'],
]

/** The directory; of a file at the root, the file itself. */
export function roomOf(file) {
  const path = file.replace(/^lib\//, '').replace(/\.ts$/, '')
  return path.includes('/') ? dirname(path) : path
}

/** The imports within `lib/`, of types too, and by `require`. */
export async function libGraph() {
  const files = (await ownFiles()).filter((file) => /^lib\/.*\.ts$/.test(file))
  const known = new Set(files)
  const importsOf = (file) =>
    ts
      .preProcessFile(read(file), true, true)
      .importedFiles.filter(({ fileName }) => fileName.startsWith('.'))
      .map(({ fileName }) => normalize(join(dirname(file), fileName)))
      .map((path) => [`${path}.ts`, `${path}/index.ts`].find((candidate) => known.has(candidate)))
      .filter((path) => path !== undefined)
  return new Map(files.map((file) => [file, importsOf(file)]))
}

export async function checkRoomsOfLib() {
  const graph = await libGraph()
  return [...upwardArrows(graph, FLOORS, roomOf), ...circles(graph)]
}
