/** Waiting for the work of others that no event announces. */
import assert from 'node:assert/strict'
import { letPass } from './time.mjs'

const PATIENCE_MS = 60_000

/** Asks until the answer is neither false nor null; resolves to it. */
export async function pollUntil(what, ask, { everyMs = 20, patienceMs = PATIENCE_MS } = {}) {
  const end = performance.now() + patienceMs
  for (;;) {
    const answer = await ask()
    if (answer !== false && answer !== null && answer !== undefined) return answer
    if (performance.now() > end) assert.fail(`waited in vain until ${what}`)
    await letPass(everyMs, 'the pause between two questions')
  }
}
