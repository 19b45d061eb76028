/** Malformed calls that change single jobs: [what is wrong, the error's class, what the message must say, makes the call] */
import { MALFORMED_NAMES } from './malformed.mjs'

const CALLS = {
  retry: (on, id) => on.retry(id),
  promote: (on, id) => on.promote(id),
  reschedule: (on, id) => on.reschedule(id, { priority: 1 }),
  remove: (on, id) => on.remove(id),
  cancel: (on, id) => on.cancel(id),
}

const ids = Object.entries(CALLS).flatMap(([name, call]) =>
  MALFORMED_NAMES.map(([what, errorClass, id]) => [
    `${name}: ${what}`,
    errorClass,
    [`${name}: id must be`],
    (on) => call(on, id),
  ]),
)

const RETRIES = [
  ['delay negative', RangeError, ['"delay"'], { delay: -1 }],
  ['delay a string', TypeError, ['"delay"'], { delay: '1s' }],
  ['delay null', TypeError, ['"delay"', 'leave it out'], { delay: null }],
  ['no attempts', RangeError, ['"maxAttempts"'], { maxAttempts: 0 }],
  ['too many attempts', RangeError, ['"maxAttempts"'], { maxAttempts: 2 ** 31 }],
  ['unknown option', TypeError, ['"maxAttempts"?'], { maxAttempt: 2 }],
  ['a session', TypeError, ['"session"'], { session: {} }],
  ['options that are none', TypeError, ['options'], 'now'],
]

const RESCHEDULES = [
  ['nothing to change', TypeError, ['at least one'], {}],
  ['no options', TypeError, ['at least one'], undefined],
  ['all undefined', TypeError, ['at least one'], { delay: undefined }],
  ['two times', TypeError, ['"delay"', '"runAt"', 'together'], { delay: 1, runAt: new Date() }],
  ['delay negative', RangeError, ['"delay"'], { delay: -1 }],
  ['runAt no date', TypeError, ['"runAt"'], { runAt: '2027-01-01' }],
  ['runAt an invalid date', RangeError, ['"runAt"'], { runAt: new Date(NaN) }],
  ['runAt an operator', TypeError, ['"runAt"'], { runAt: { $gt: new Date() } }],
  ['priority a half', RangeError, ['"priority"'], { priority: 0.5 }],
  ['unknown option', TypeError, ['"priority"?'], { priorty: 2 }],
]

const CANCELLATIONS = [
  ['a reason that is no text', TypeError, ['"reason"'], { reason: { $ne: '' } }],
  ['a reason that is too long', RangeError, ['"reason"', '4096'], { reason: 'x'.repeat(4097) }],
  ['unknown option', TypeError, ['"reason"?'], { reasons: 'so' }],
  ['options that are none', TypeError, ['options'], 'withdrawn'],
]

const calls = (name, rows) =>
  rows.map(([what, errorClass, says, options]) => [
    `${name}: ${what}`,
    errorClass,
    [`${name}: `, ...says],
    (on) => on[name]('dummy-1', options),
  ])

const MANY = ['cancelMany', 'retryMany', 'promoteMany', 'removeMany']

const SELECTIONS = [
  ['no selection', TypeError, ['selection'], undefined],
  ['null', TypeError, ['selection'], null],
  ['an array', TypeError, ['selection'], ['a']],
  ['no status', TypeError, ['"status"', 'undefined'], {}],
  ['unknown status', RangeError, ['"status"', '"done"'], { status: 'done' }],
  ['a status that is an operator', TypeError, ['"status"'], { status: { $ne: 'active' } }],
  ['ids that are no list', TypeError, ['"ids"'], { ids: 'a' }],
  ['an id that is an operator', TypeError, ['"ids"', '[1]'], { ids: ['a', { $ne: null }] }],
  ['an empty id', TypeError, ['"ids"', '[0]'], { ids: [''] }],
  ['ids and a status', TypeError, ['"status"', '"ids"'], { ids: ['a'], status: 'failed' }],
]

/** Beside a status that each call takes. */
const FILTERS = [
  ['a type that is an operator', TypeError, ['"type"'], { type: { $gt: '' } }],
  ['an empty type', TypeError, ['"type"'], { type: '' }],
  ['a key that is an operator', TypeError, ['"dedupeKey"'], { dedupeKey: { $gt: '' } }],
  ['a path that is not of the payload', TypeError, ['"where"', '"status"'], { where: { status: 1 } }],
  ['a path with an operator', TypeError, ['"where"'], { where: { 'data.$where': '1' } }],
  ['a value that is an operator', TypeError, ['"where"'], { where: { 'data.a': { $ne: 1 } } }],
  ['a limit in the selection', TypeError, ['"limit"', 'option'], { limit: 5 }],
  ['an unknown field', TypeError, ['"type"?'], { typ: 't' }],
]

const MANY_OPTIONS = [
  ['limit 0', RangeError, ['"limit"'], { limit: 0 }],
  ['limit negative', RangeError, ['"limit"'], { limit: -1 }],
  ['limit too large', RangeError, ['"limit"'], { limit: 100_001 }],
  ['limit a string', TypeError, ['"limit"'], { limit: '10' }],
  ['unknown mode', RangeError, ['"mode"'], { mode: 'dry' }],
  ['after empty', TypeError, ['"after"'], { after: '' }],
  ['after an operator', TypeError, ['"after"'], { after: { $gt: '' } }],
  ['after of another kind', RangeError, ['"after"'], { after: '$$$' }],
  ['after of another query', TypeError, ['"after"'], { after: 'aaaa' }],
  ['unknown option', TypeError, ['"limit"?'], { limits: 10 }],
]

const statusFor = (name) => (name === 'promoteMany' || name === 'cancelMany' ? 'pending' : 'failed')

/** Malformed calls that change many jobs, of a queue. */
export const CONTROL_OF_MANY = MANY.flatMap((name) => {
  const status = statusFor(name)
  const row = ([what, errorClass, says], ...args) => [
    `${name}: ${what}`,
    errorClass,
    // The list refuses a cursor of its own accord.
    what === 'after of another query' ? says : [`${name}: `, ...says],
    (queue) => queue[name](...args),
  ]
  return [
    ...SELECTIONS.map((given) => row(given, given[3])),
    ...FILTERS.map((given) => row(given, { status, ...given[3] })),
    ...MANY_OPTIONS.map((given) => row(given, { status }, given[3])),
    row(['a status that it does not lead out of', RangeError, ['"status"']], {
      status: name === 'cancelMany' ? 'failed' : 'active',
    }),
    row(['ids and a cursor', TypeError, ['"after"', '"ids"']], { ids: ['a'] }, { after: 'a' }),
    row(['ids and a limit', TypeError, ['"limit"', '"ids"']], { ids: ['a'] }, { limit: 1 }),
  ]
})

export const CONTROL = [
  ...ids,
  ...calls('retry', RETRIES),
  ...calls('reschedule', RESCHEDULES),
  ...calls('cancel', CANCELLATIONS),
]
