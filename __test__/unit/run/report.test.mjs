/** Events and log lines of ends that no other test asks for. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RELEASE } from '../../../dist/backend/verdict.js'
import { safeLogger } from '../../../dist/base/logger.js'
import { Reporter } from '../../../dist/run/report.js'
import { recordingLogger } from '../../support/loggers.mjs'

const job = { id: 'j', type: 'work', attempt: 2, maxAttempts: 3 }

function reporting() {
  const [events, logger] = [[], recordingLogger()]
  return { report: new Reporter((event) => events.push(event), safeLogger(logger)), events, logger }
}

for (const [reason, told] of [
  [null, 'cancelled'],
  ['no need', 'no need'],
])
  test(`a cancelled job is an event and a line, whose reason is ${told}`, () => {
    const { report, events, logger } = reporting()
    report.settled(job, { ...RELEASE, reason }, { status: 'cancelled' }, 7)
    const [event] = events
    assert.deepEqual(
      [event.kind, event.reason, event.durationMs, event.ending],
      ['fail-fatal', told, 7, 'cancelled'],
    )
    assert.deepEqual(logger.entries, [
      { level: 'info', type: 'work', jobId: 'j', attempt: 2, message: 'job cancelled' },
    ])
  })

test('recovered jobs are an event and a line; a sweep that finds none is neither', () => {
  const { report, events, logger } = reporting()
  report.recovered(0, false)
  report.recovered(2, true)
  assert.deepEqual(events, [{ kind: 'reaper-recovered', handled: 2, saturated: true }])
  assert.deepEqual(logger.entries, [
    {
      level: 'info',
      handled: 2,
      saturated: true,
      message: 'recovered jobs whose lease had expired',
    },
  ])
})
