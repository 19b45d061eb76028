/** Which known name somebody meant who wrote another one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nearest } from '../../../dist/validate/nearest.js'

for (const [unknown, known, expected] of [
  // One letter more, less, another one, or two in the wrong order.
  ['deelay', ['delay'], 'delay'],
  ['dlay', ['delay'], 'delay'],
  ['dekay', ['delay'], 'delay'],
  ['dealy', ['delay'], 'delay'],
  ['edlay', ['delay'], 'delay'],
  // Two of five letters are too many, and a swap is one only if both letters are there.
  ['dekai', ['delay'], null],
  ['exlay', ['delay'], null],
  ['xdlay', ['delay'], null],
  // A third of the letters may be wrong.
  ['pollIntrevla', ['pollInterval'], 'pollInterval'],
  ['maxDrainz', ['maxDrains'], 'maxDrains'],
  ['nax', ['max'], 'max'],
  // Case is no difference.
  ['MAXATTEMPTS', ['maxAttempts'], 'maxAttempts'],
  // A part of a name, but of four letters at least.
  ['timeout', ['timeoutMs'], 'timeoutMs'],
  ['delayMs', ['delay'], 'delay'],
  ['poll', ['pollInterval'], 'pollInterval'],
  ['key', ['dedupeKey'], null],
  // The nearest of several; of equals, the first.
  ['delai', ['relay', 'delay'], 'delay'],
  ['elay', ['delay', 'relay'], 'delay'],
  ['x'.repeat(1000), ['delay'], null],
  ['', ['delay'], null],
  ['delay', [], null],
]) {
  const shown = unknown.length > 20 ? `${unknown.slice(0, 5)}…` : unknown
  test(`"${shown}" among ${known.join(', ')}`, () => assert.equal(nearest(unknown, known), expected))
}
