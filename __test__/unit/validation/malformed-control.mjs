/** Malformed calls that change single jobs: [what is wrong, the error's class, what the message must say, makes the call] */
import { MALFORMED_NAMES } from './malformed.mjs'

const CALLS = {
  retry: (on, id) => on.retry(id),
  promote: (on, id) => on.promote(id),
  reschedule: (on, id) => on.reschedule(id, { priority: 1 }),
  remove: (on, id) => on.remove(id),
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

const calls = (name, rows) =>
  rows.map(([what, errorClass, says, options]) => [
    `${name}: ${what}`,
    errorClass,
    [`${name}: `, ...says],
    (on) => on[name]('dummy-1', options),
  ])

export const CONTROL = [...ids, ...calls('retry', RETRIES), ...calls('reschedule', RESCHEDULES)]
