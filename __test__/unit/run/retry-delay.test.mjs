/** The wait that the app's function wants before a retry. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failed } from '../../../dist/backend/verdict.js'
import { withRetryDelay } from '../../../dist/run/retry-delay.js'
import { recordingLogger } from '../../support/loggers.mjs'

const error = new Error('boom')
const job = { id: 'j', type: 'work', attempt: 2 }
const verdict = failed(error)

function waited(retryDelay) {
  const logger = recordingLogger()
  return { wanted: withRetryDelay(verdict, { error, job }, retryDelay, logger), logger }
}

for (const ms of [0, 0.5, 1, 60_000])
  test(`${ms} ms are waited`, () => {
    const { wanted, logger } = waited(() => ms)
    assert.deepEqual(wanted, { ...verdict, delayMs: ms })
    assert.deepEqual(logger.entries, [])
  })

test('null fails the job for good', () => {
  assert.equal(waited(() => null).wanted.kind, 'failFatal')
})

for (const odd of [-1, NaN, Infinity, '5', undefined, Promise.resolve(5)])
  test(`${odd} is reported, and the job has its own back-off`, () => {
    const { wanted, logger } = waited(() => odd)
    assert.equal(wanted, verdict)
    assert.equal(logger.at('warn').length, 1)
  })
