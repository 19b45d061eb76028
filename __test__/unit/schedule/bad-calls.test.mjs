/** Each mistake in a call on schedules is refused by name, before anything is stored. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DummyBackend, JobQueue } from 'durabl'
import { SILENT } from '../../support/jobs.mjs'

const CRON = { cron: '0 2 * * *' }
const JOB = { type: 't', data: {} }
const half = 'a\ud800'
const spec = (more) => (queue) => queue.schedule('s', { ...CRON, ...more }, JOB)
const job = (more) => (queue) => queue.schedule('s', CRON, { ...JOB, ...more })
const list =
  (...entries) =>
  (queue) =>
    queue.applySchedules('app', entries)
const named = (more) => ({ id: 's', spec: CRON, job: JOB, ...more })
const option = (name, value) => [
  `of its job: ${name}`,
  TypeError,
  `option "${name}" cannot be used for the job of a schedule, which takes priority, maxAttempts`,
  job({ options: { [name]: value } }),
]

/** [what is wrong, the error's class, what its message says, the call] */
const MALFORMED = [
  ['both cron and everyMs', TypeError, 'exactly one of "cron" and "everyMs"', spec({ everyMs: 5000 })],
  ['neither', TypeError, 'got neither', (queue) => queue.schedule('s', {}, JOB)],
  ['no spec', TypeError, 'got neither', (queue) => queue.schedule('s', undefined, JOB)],
  [
    'a pattern as the spec',
    TypeError,
    'schedule: spec must be an object { cron } or { everyMs }; got "* * * * *"',
    (queue) => queue.schedule('s', '* * * * *', JOB),
  ],
  [
    "Agenda's order of arguments",
    TypeError,
    'schedule(id, { cron } or { everyMs }, { type, data }); one job at a later time by enqueue(type, data, { runAt })',
    (queue) => queue.schedule('tomorrow at noon', 'newsletter', { kind: 'weekly' }),
  ],
  ["BullMQ's name of a pattern", TypeError, 'did you mean "cron"?', spec({ pattern: '* * * * *' })],
  ["BullMQ's name of a zone", TypeError, 'did you mean "timezone"?', spec({ tz: 'Europe/Berlin' })],
  [
    "BullMQ's name of the attempts",
    TypeError,
    'did you mean "maxAttempts"?',
    job({ options: { attempts: 2 } }),
  ],
  [
    'a pattern that never comes',
    RangeError,
    'it never comes: none of its months has a day 30',
    spec({ cron: '0 0 30 2 *' }),
  ],
  ['an unknown zone', RangeError, 'did you mean "Europe/Berlin"?', spec({ timezone: 'Europe/Berlim' })],
  [
    'all missed ones, of which all but one are left out',
    TypeError,
    '"missed" \'all\' cannot go with "overlap" \'skip\', which is the default',
    spec({ missed: 'all' }),
  ],
  [
    'the same, said',
    TypeError,
    'cannot go with "overlap" \'skip\': all',
    spec({ missed: 'all', overlap: 'skip' }),
  ],
  [
    'all missed ones, of which one at most waits',
    TypeError,
    'cannot go with "overlap" \'queue\': all',
    spec({ missed: 'all', overlap: 'queue' }),
  ],
  ['missed: never', RangeError, 'option "missed"', spec({ missed: 'never' })],
  ['overlap: true', TypeError, 'option "overlap"', spec({ overlap: true })],
  ['maxLateMs below a second', RangeError, 'option "maxLateMs"', spec({ maxLateMs: 10 })],
  [
    'maxCatchUp of 0',
    RangeError,
    'option "maxCatchUp"',
    spec({ missed: 'all', overlap: 'allow', maxCatchUp: 0 }),
  ],
  ['maxCatchUp of too many', RangeError, 'from 1 to 1000', spec({ maxCatchUp: 1001 })],
  ['an unknown option', TypeError, 'did you mean "timezone"?', spec({ timeZone: 'UTC' })],
  ['an option of null', TypeError, 'option "endAt"', spec({ endAt: null })],
  ['an id with a null character', RangeError, 'id must be', (queue) => queue.schedule('a\0', CRON, JOB)],
  ['an id with half a pair', RangeError, 'id must be', (queue) => queue.schedule(half, CRON, JOB)],
  ['an id too long', RangeError, 'at most 1000', (queue) => queue.schedule('x'.repeat(1001), CRON, JOB)],
  ['an empty id', TypeError, 'got an empty string', (queue) => queue.schedule('', CRON, JOB)],
  ['an id that is an operator', TypeError, 'id must be', (queue) => queue.schedule({ $gt: '' }, CRON, JOB)],
  [
    'no job',
    TypeError,
    'job must be an object { type, data, options }; got undefined',
    (queue) => queue.schedule('s', CRON),
  ],
  ['no type', TypeError, 'type must be', job({ type: undefined })],
  ['a field of the job that is none', TypeError, 'did you mean "data"?', job({ dat: 1 })],
  [
    'options of the job that are none',
    TypeError,
    'options of the job must be an object',
    job({ options: 5 }),
  ],
  [
    'an option of the job out of bounds',
    RangeError,
    'option "maxAttempts"',
    job({ options: { maxAttempts: 0 } }),
  ],
  ['an option of the job that is no option', TypeError, '"prioriti"', job({ options: { prioriti: 0 } })],
  ...[
    ['delay', 5],
    ['dedupeKey', 'k'],
    ['dedupeScope', 'pending'],
    ['coalesce', 'latest'],
    ['session', {}],
    ['id', 'x'],
    ['runAt', new Date(0)],
    ['dedupeForMs', 1000],
  ].map(([name, value]) => option(name, value)),
  ['no owner', TypeError, 'owner must be', (queue) => queue.applySchedules(undefined, [])],
  [
    'no list',
    TypeError,
    'schedules must be an array of { id, spec, job }; got an object',
    (queue) => queue.applySchedules('app', {}),
  ],
  ['an entry that is none', TypeError, 'schedules[1] must be an object', list(named(), 's')],
  [
    'a field of an entry that is none',
    TypeError,
    'schedules[0]: unknown field "cron"',
    list({ ...named(), cron: '' }),
  ],
  [
    'an entry that is malformed',
    RangeError,
    'schedules[1]: option "cron" is',
    list(named(), named({ id: 'u', spec: { cron: '61 * * * *' } })),
  ],
  [
    'one id twice',
    RangeError,
    'schedules[1]: id "s" is already used by schedules[0]',
    list(named(), named()),
  ],
  [
    'a moment that is none',
    TypeError,
    'occurrenceAt must be a valid Date; got 5',
    (queue) => queue.skipSchedule('s', 5),
  ],
  [
    'a moment that is no date',
    RangeError,
    'occurrenceAt must be',
    (queue) => queue.skipSchedule('s', new Date(NaN)),
  ],
  ...['unschedule', 'pauseSchedule', 'resumeSchedule', 'triggerSchedule', 'skipSchedule'].map((call) => [
    `${call} of an object`,
    TypeError,
    `${call}: id must be`,
    (queue) => queue[call]({ $ne: null }, new Date()),
  ]),
]

describe('a call on schedules refuses', () => {
  for (const [what, errorClass, says, call] of MALFORMED) {
    test(what, async () => {
      const backend = new DummyBackend()
      const queue = new JobQueue(backend, SILENT)
      const error = await call(queue).then(
        () => assert.fail('it was accepted'),
        (reason) => reason,
      )
      assert.equal(error.constructor, errorClass, String(error))
      assert.equal(error.code, 'ERR_DURABL_INVALID_ARGUMENT')
      assert.ok(error.message.includes(says), `“${says}” in “${error.message}”`)
      assert.deepEqual(await backend.listSchedules(), [])
    })
  }

  test('an option of its job that is like no other, without a guess', async () => {
    const queue = new JobQueue(new DummyBackend(), SILENT)
    await assert.rejects(job({ options: { session: {} } })(queue), {
      message:
        'schedule: option "session" cannot be used for the job of a schedule, which takes priority, maxAttempts, backoff, ' +
        'backoffDelay, backoffMaxDelay, timeoutMs, expiresInMs',
    })
  })

  test('a payload that cannot be encoded, by its place', async () => {
    const queue = new JobQueue(new DummyBackend(), SILENT)
    const bad = { type: 't', data: { a: () => {} } }
    const refused = { name: 'PayloadError', code: 'ERR_DURABL_PAYLOAD_NOT_ENCODABLE' }
    await assert.rejects(queue.schedule('s', CRON, bad), {
      ...refused,
      message: /^schedule: .*data\.a is a function/,
    })
    await assert.rejects(queue.applySchedules('app', [named(), named({ id: 'u', job: bad })]), {
      ...refused,
      message: /^applySchedules: schedules\[1\]: .*data\.a/,
    })
    assert.deepEqual(await queue.listSchedules(), [])
  })

  test('nothing of an id with odd characters that the database keeps', async () => {
    const queue = new JobQueue(new DummyBackend(), SILENT)
    for (const id of ['a:1', '$where', 'a.b', '__proto__', 'ü/日本/🦀', ' ', '"\n', 'x'.repeat(1000)]) {
      assert.deepEqual(await queue.schedule(id, CRON, JOB), { status: 'created' })
      assert.equal((await queue.triggerSchedule(id)).status, 'created')
    }
    assert.equal((await queue.listSchedules()).length, 8)
  })
})
