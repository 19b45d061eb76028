/** Mutants that no test can catch, or none should: each with the reason, so that a run reports it no more. */
import { readFileSync } from 'node:fs'

const LIST = new URL('argued.jsonl', import.meta.url)

/** The key of a mutant, however many lines move. Equal changes of equal lines of one file are one. */
export const keyOf = ({ file, was, is }) => JSON.stringify([file, was, is])

/**
 * One entry a line, `{ file, was, is, why }`: the path, the line or expression as it stands there, what it becomes, and why that
 * is no bug. The first three are printed with each mutant that survives. `is` may be a list, of changes with the same reason.
 */
export function arguedMutants(lines = readFileSync(LIST, 'utf8').split('\n').filter(Boolean)) {
  const entries = lines
    .map((line) => JSON.parse(line))
    .flatMap((entry) => [entry.is].flat().map((is) => ({ ...entry, is })))
  return new Map(entries.map((entry) => [keyOf(entry), entry]))
}

/** Entries of these files that are of no mutant any more. */
export function staleEntries(argued, mutants) {
  const keys = new Set(mutants.map(keyOf))
  const files = new Set(mutants.map(({ file }) => file))
  return [...argued.values()].filter((entry) => files.has(entry.file) && !keys.has(keyOf(entry)))
}
