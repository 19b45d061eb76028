/**
 * Figures of the benchmarks on pages that are written by hand. They stand between `<!-- figures: NAME -->` and `<!-- /figures -->`, and are
 * written anew with the pages of the benchmarks.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../scripts/process.mjs'
import { answer, costsOf } from '../capacity.mjs'

export const PAGES = ['README.md', 'docs/how-to/scaling.md']

const EXAMPLE = ['--jobs-per-second', '500', '--cores', '8']

/** The text for each name; null if its figures were not measured. */
export function texts(sections) {
  const costs = costsOf(sections)
  if (!costs) return null
  const { addingUs, addingManyUs, runningUs, workerUs } = costs
  return {
    'costs of a job': `A job costs the worker about ${workerUs} µs of processor time, and the primary about ${addingUs + runningUs} µs ([scaling out](docs/how-to/scaling.md)).`,
    'costs of each step': [
      `Adding a job takes about ${addingUs} µs of the primary's processor time, and running it ${runningUs} µs.`,
      `Adding takes ${addingManyUs} µs if a thousand are added in one call.`,
      `A worker process spends ${workerUs} µs a job, without the handler's own time.`,
    ].join(' '),
    capacity: [
      '```text',
      `$ node bench/capacity.mjs ${EXAMPLE.join(' ')}`,
      answer(EXAMPLE, costs),
      '```',
    ].join('\n'),
  }
}

/** The page with these texts in their places. */
export function filled(page, values) {
  return page.replaceAll(/<!-- figures: (.+?) -->[\s\S]*?<!-- \/figures -->/g, (_, name) => {
    if (!(name in values)) throw new Error(`a page asks for the figures ${name}, which nothing gives`)
    return `<!-- figures: ${name} -->\n\n${values[name]}\n\n<!-- /figures -->`
  })
}

/** Writes the figures into all pages, unless they were not measured; returns the paths of what was written. */
export function writeElsewhere(sections) {
  const values = texts(sections)
  if (!values) return []
  return PAGES.map((path) => {
    const file = join(root, path)
    writeFileSync(file, filled(readFileSync(file, 'utf8'), values))
    return file
  })
}
