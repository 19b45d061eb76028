/** The results of a run, written as they come: a run that is broken off can be resumed. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'

/** The results in this file that are of these sources, one a line. The last line may be half written. */
function resultsIn(path, sources) {
  if (!existsSync(path)) return []
  const complete = readFileSync(path, 'utf8').split('\n').slice(0, -1)
  return complete.map((line) => JSON.parse(line)).filter((result) => result.sources === sources)
}

/**
 * Opens a file of results: `{ sources, mutant, caughtBy, ms }` a line, where null caught nothing.
 *
 * @param sources a digest of all that decides the results; undefined if there is none, and then nothing can be resumed
 * @param resume keeps the results of the same sources; others are removed
 * @returns `known`, the results that were kept, by the id of the mutant, and `write(result)`
 */
export function openResults(path, { sources, resume }) {
  const kept = resume && sources ? resultsIn(path, sources) : []
  rmSync(path, { force: true })
  mkdirSync(dirname(path), { recursive: true })
  const write = (result) => appendFileSync(path, `${JSON.stringify({ sources, ...result })}\n`)
  kept.forEach(write)
  return { known: new Map(kept.map((result) => [result.mutant.id, result])), write }
}
