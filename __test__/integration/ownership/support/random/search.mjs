/** Looks for a script under which a backend and the model part, and for a short one. */
import { AssertionError } from 'node:assert/strict'
import { Comparison } from './comparison.mjs'
import { scriptOf } from './script.mjs'

const LENGTH = 60
/** Shortening is for the reader of a failure: good is good enough. */
const MOST_SHORTENINGS = 80

/** Runs a script from an empty collection; null if both sides agree, else where and how they part. */
async function run(script, { subject, collection, clock }) {
  await collection.deleteMany({})
  const comparison = new Comparison(subject, collection, clock)
  for (const [at, step] of script.entries()) {
    try {
      await comparison.step(step)
    } catch (error) {
      if (!(error instanceof AssertionError)) throw error
      return { script: script.slice(0, at + 1), error }
    }
  }
  return null
}

/** Leaves out what the difference does not need, in ever smaller pieces. */
async function shorten(difference, sides) {
  let best = difference
  let tries = 0
  for (let size = best.script.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at + size < best.script.length && tries < MOST_SHORTENINGS; tries += 1) {
      const shorter = best.script.filter((_, index) => index < at || index >= at + size)
      const found = await run(shorter, sides)
      if (found) best = found
      else at += size
    }
  }
  return best
}

/**
 * @param seeds of the scripts
 * @param sides `subject`, `collection` and `clock`, as {@link Comparison} takes them
 * @returns null, or a shortened script and the error at its end
 */
export async function findDifference(seeds, sides) {
  for (const seed of seeds) {
    const difference = await run(scriptOf(seed, LENGTH), sides)
    if (difference) return shorten(difference, sides)
  }
  return null
}

export const show = ({ script, error }) =>
  [...script.map((step) => JSON.stringify(step)), '', error.message].join('\n')
