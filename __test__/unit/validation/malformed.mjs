/**
 * Malformed calls, in tables: [what is wrong, the error's class, what its message must say, the call].
 */
import { DummyBackend, ImmediateBackend, JobQueue } from 'durabl'

const handler = async () => {}
const circular = { a: { b: [] } }
circular.a.b.push(circular)
const hostile = {
  toString() {
    throw new Error('toString was called')
  },
  get message() {
    throw new Error('a getter was called')
  },
}
const long = 'x'.repeat(5000)

const enqueueOptions = (options) => (queue) => queue.enqueue('t', {}, options)
const option = (name, value, errorClass, ...says) => [
  `enqueue: ${name} of ${typeof value === 'number' ? value : typeof value}`,
  errorClass,
  [`"${name}"`, ...says],
  enqueueOptions({ [name]: value }),
]
const withKey = (more) => enqueueOptions({ dedupeKey: 'k', ...more })
const processor = (config) => (queue) => queue.process('t', handler, config)

/** Calls to `queue.enqueue` and `claimOrEnqueue`. */
export const ENQUEUE = [
  ['type undefined', TypeError, ['type', 'undefined'], (queue) => queue.enqueue(undefined, {})],
  ['type null', TypeError, ['type', 'null'], (queue) => queue.enqueue(null, {})],
  ['type empty', TypeError, ['type', 'empty string'], (queue) => queue.enqueue('', {})],
  ['type a number', TypeError, ['type', '7'], (queue) => queue.enqueue(7, {})],
  ['type an operator', TypeError, ['type', 'an object'], (queue) => queue.enqueue({ $gt: '' }, {})],
  ['type an array', TypeError, ['type', 'an array'], (queue) => queue.enqueue(['t'], {})],
  ['type a String object', TypeError, ['type'], (queue) => queue.enqueue(new String('t'), {})],
  ['type with a null character', RangeError, ['null characters'], (queue) => queue.enqueue('a\0b', {})],
  ['type with half a surrogate pair', RangeError, ['surrogates'], (queue) => queue.enqueue('a\ud800', {})],
  ['type too long', RangeError, ['at most 4096'], (queue) => queue.enqueue(long, {})],
  ['options a number', TypeError, ['options', '5'], enqueueOptions(5)],
  ['options a string', TypeError, ['options', '"high"'], enqueueOptions('high')],
  ['options an array', TypeError, ['options', 'an array'], enqueueOptions([])],
  ['options a function', TypeError, ['options', 'a function'], enqueueOptions(handler)],
  [
    'unknown option, near a known one',
    TypeError,
    ['"prioriy"', '"priority"?'],
    enqueueOptions({ prioriy: 1 }),
  ],
  ['unknown option, other case', TypeError, ['"dedupeKey"?'], enqueueOptions({ dedupekey: 'k' })],
  ['unknown option, swapped letters', TypeError, ['"delay"?'], enqueueOptions({ dealy: 1 })],
  ['unknown option, a part missing', TypeError, ['"maxAttempts"?'], enqueueOptions({ attempts: 1 })],
  ['unknown option, near none', TypeError, ['"zzz"', 'priority, delay'], enqueueOptions({ zzz: 1 })],
  ['unknown option set to undefined', TypeError, ['"delya"'], enqueueOptions({ delya: undefined })],
  ['unknown option with a long name', TypeError, ['unknown option'], enqueueOptions({ [long]: 1 })],
  ['unknown option named as a method', TypeError, ['"constructor"'], enqueueOptions({ constructor: 1 })],
  option('trace', 'none', TypeError, 'traceparent'),
  option('trace', {}, TypeError, 'traceparent'),
  option('trace', { traceparent: 'none' }, RangeError, 'traceparent'),
  option('trace', { traceparent: `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01` }, RangeError, 'traceparent'),
  option(
    'trace',
    { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, more: 1 },
    TypeError,
    'tracestate?',
  ),
  option(
    'trace',
    { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, tracestate: 'a\nb' },
    RangeError,
    'tracestate?',
  ),
  option('priority', 'high', TypeError, 'a whole number', '"high"'),
  option('priority', '1', TypeError, 'a string'),
  option('priority', NaN, RangeError, 'NaN'),
  option('priority', 1.5, RangeError, '1.5'),
  option('priority', Infinity, RangeError, 'Infinity'),
  option('priority', 2 ** 53, RangeError, '9007199254740991'),
  option('priority', null, TypeError, 'leave it out'),
  option('priority', 1n, TypeError, 'bigint'),
  option('delay', '5s', TypeError, 'milliseconds', '"5s"'),
  option('delay', -1, RangeError, 'from 0', '-1'),
  option('delay', NaN, RangeError, 'NaN'),
  option('delay', Infinity, RangeError, 'Infinity'),
  option('delay', 1e15, RangeError, '3155760000000'),
  option('delay', new Date(0), TypeError, 'an object of class Date'),
  option('delay', null, TypeError, 'null'),
  option('maxAttempts', 0, RangeError, 'from 1'),
  option('maxAttempts', -3, RangeError, '-3'),
  option('maxAttempts', 2.5, RangeError, '2.5'),
  option('maxAttempts', Infinity, RangeError, '2147483647'),
  option('maxAttempts', 2 ** 31, RangeError, '2147483648'),
  option('maxAttempts', '3', TypeError, '"3"'),
  option('maxAttempts', true, TypeError, 'true'),
  option('dedupeKey', '', TypeError, 'non-empty'),
  option('dedupeKey', 42, TypeError, '42'),
  option('dedupeKey', { $ne: null }, TypeError, 'an object'),
  option('dedupeKey', null, TypeError, 'null'),
  option('dedupeKey', Symbol('k'), TypeError, 'a symbol'),
  option('dedupeKey', hostile, TypeError, 'an object'),
  option('dedupeKey', `a${String.fromCharCode(0xdfff)}`, RangeError, 'surrogates'),
  ['dedupeScope unknown', RangeError, ["'pending' or 'pending+active'"], withKey({ dedupeScope: 'active' })],
  ['dedupeScope in other case', RangeError, ['"Pending"'], withKey({ dedupeScope: 'Pending' })],
  ['dedupeScope an array', TypeError, ['an array'], withKey({ dedupeScope: ['pending'] })],
  [
    'coalesce unknown',
    RangeError,
    ["'latest'", '"first"'],
    withKey({ dedupeScope: 'pending', coalesce: 'first' }),
  ],
  ['coalesce true', TypeError, ["'latest'"], withKey({ dedupeScope: 'pending', coalesce: true })],
  ['coalesce without a key', TypeError, ['coalesce', 'no dedupeKey'], enqueueOptions({ coalesce: 'latest' })],
  ['coalesce in the strict scope', TypeError, ["'pending+active'"], withKey({ coalesce: 'latest' })],
  option('backoff', 'linear', RangeError, "'exponential' or 'fixed'", '"linear"'),
  option('backoff', 2, TypeError, '2'),
  option('backoffDelay', -1, RangeError, '-1'),
  option('backoffDelay', '1s', TypeError, '"1s"'),
  option('backoffMaxDelay', NaN, RangeError, 'NaN'),
  option('backoffMaxDelay', {}, TypeError, 'an object'),
  ['claimOrEnqueue: type', TypeError, ['claimOrEnqueue: type'], (queue) => queue.claimOrEnqueue({}, {})],
  [
    'claimOrEnqueue: option',
    RangeError,
    ['"delay"'],
    (queue) => queue.claimOrEnqueue('t', {}, { delay: -1 }),
  ],
  [
    'claimOrEnqueue: unknown',
    TypeError,
    ['"dedupeKey"?'],
    (queue) => queue.claimOrEnqueue('t', {}, { dedupKey: 'k' }),
  ],
]

/** Calls to `queue.process`. */
export const PROCESS = [
  ['process: type', TypeError, ['type'], (queue) => queue.process('', handler)],
  ['process: handler missing', TypeError, ['handler', 'undefined'], (queue) => queue.process('t')],
  [
    'process: a generator function',
    TypeError,
    ['handler', 'generator'],
    (queue) => queue.process('t', function* () {}),
  ],
  [
    'process: an async generator function',
    TypeError,
    ['handler', 'generator'],
    (queue) => queue.process('t', async function* () {}),
  ],
  [
    'process: a bound generator function',
    TypeError,
    ['handler', 'generator'],
    (queue) => queue.process('t', function* () {}.bind(null)),
  ],
  ['process: a class', TypeError, ['handler', 'class'], (queue) => queue.process('t', class Work {})],
  ['process: handler an object', TypeError, ['handler', 'a function'], (queue) => queue.process('t', {})],
  [
    'process: handler called, and its promise passed',
    TypeError,
    ['handler', 'a promise', 'await'],
    (queue) => queue.process('t', handler()),
  ],
  [
    'process: arguments swapped',
    TypeError,
    ['handler'],
    (queue) => queue.process('t', { concurrency: 1 }, handler),
  ],
  ['process: config a number', TypeError, ['options', '4'], processor(4)],
  ['process: concurrency -1', RangeError, ['"concurrency"', 'from 0'], processor({ concurrency: -1 })],
  ['process: concurrency a half', RangeError, ['1.5'], processor({ concurrency: 1.5 })],
  ['process: concurrency Infinity', RangeError, ['Infinity'], processor({ concurrency: Infinity })],
  ['process: concurrency a string', TypeError, ['"4"'], processor({ concurrency: '4' })],
  ['process: pollInterval 0', RangeError, ['"pollInterval"'], processor({ pollInterval: 0 })],
  ['process: pollInterval NaN', RangeError, ['NaN'], processor({ pollInterval: NaN })],
  ['process: pollInterval null', TypeError, ['null'], processor({ pollInterval: null })],
  ['process: heartbeatIntervalMs negative', RangeError, ['-5'], processor({ heartbeatIntervalMs: -5 })],
  [
    'process: heartbeatIntervalMs over the visibility timeout',
    RangeError,
    ['less than', '300000'],
    processor({ heartbeatIntervalMs: 300_000 }),
  ],
  ['process: timeoutMs 0', RangeError, ['"timeoutMs"'], processor({ timeoutMs: 0 })],
  ['process: timeoutMs a string', TypeError, ['"1m"'], processor({ timeoutMs: '1m' })],
  ['process: results unknown', RangeError, ['"results"', "'keep'"], processor({ results: 'kept' })],
  ['process: results no word', TypeError, ['"results"'], processor({ results: true })],
  ['process: prefetch negative', RangeError, ['"prefetch"', 'from 0'], processor({ prefetch: -1 })],
  ['process: unknown option', TypeError, ['"concurrency"?'], processor({ concurency: 4 })],
  ['process: option of another time', TypeError, ['"pollInterval"?'], processor({ pollIntervalMs: 100 })],
]

/** What is no type, key or id: [what it is, the error's class, the value] */
export const MALFORMED_NAMES = [
  ['undefined', TypeError, undefined],
  ['null', TypeError, null],
  ['empty', TypeError, ''],
  ['a number', TypeError, 7],
  ['an operator', TypeError, { $ne: null }],
  ['an array', TypeError, ['a']],
  ['a String object', TypeError, new String('a')],
  ['too long', RangeError, 'x'.repeat(4097)],
  ['with a null character', RangeError, 'a\0b'],
]

/** Calls to the queue’s other methods. */
export const OTHERS = [
  ['runClaimed: no handle', TypeError, ['handle', 'null'], (queue) => queue.runClaimed(null, handler)],
  ['runClaimed: an id', TypeError, ['handle'], (queue) => queue.runClaimed('dummy-1', handler)],
  ['hasOutstanding: type', TypeError, ['type'], (queue) => queue.hasOutstanding({ $gt: '' }, 'k')],
  ['hasOutstanding: key', TypeError, ['dedupeKey'], (queue) => queue.hasOutstanding('t', { $gt: '' })],
  ['hasOutstanding: no key', TypeError, ['dedupeKey', 'undefined'], (queue) => queue.hasOutstanding('t')],
  ['getStats: type', TypeError, ['getStats: type'], (queue) => queue.getStats({ $ne: null })],
  ['getStats: empty type', TypeError, ['getStats: type'], (queue) => queue.getStats('')],
  ['startReaper: 0', RangeError, ['intervalMs'], (queue) => queue.startReaper(0)],
  ['startReaper: a string', TypeError, ['intervalMs'], (queue) => queue.startReaper('60s')],
  ['startReaper: NaN', RangeError, ['NaN'], (queue) => queue.startReaper(NaN)],
  ['shutdown: negative', RangeError, ['timeoutMs'], (queue) => queue.shutdown(-1)],
  ['shutdown: Infinity', RangeError, ['timeoutMs'], (queue) => queue.shutdown(Infinity)],
  ['shutdown: a string', TypeError, ['timeoutMs'], (queue) => queue.shutdown('30s')],
  [
    'signals: not a list',
    TypeError,
    ['"signals"'],
    (queue) => queue.installSignalHandlers({ signals: 'SIGTERM' }),
  ],
  [
    'signals: unknown',
    RangeError,
    ['"signals"', '"SIGFOO" (a string) at [1]'],
    (queue) => queue.installSignalHandlers({ signals: ['SIGTERM', 'SIGFOO'] }),
  ],
  [
    'signals: not to be handled',
    RangeError,
    ['"signals"'],
    (queue) => queue.installSignalHandlers({ signals: ['SIGKILL'] }),
  ],
  [
    'signals: timeout',
    RangeError,
    ['"timeoutMs"'],
    (queue) => queue.installSignalHandlers({ timeoutMs: -1 }),
  ],
  [
    'signals: unknown option',
    TypeError,
    ['"signals"?'],
    (queue) => queue.installSignalHandlers({ signal: ['SIGTERM'] }),
  ],
]

/** Constructors. */
export const CONSTRUCTORS = [
  ['no backend', TypeError, ['backend', 'undefined'], () => new JobQueue()],
  ['a backend that is none', TypeError, ['backend', 'claimNext()'], () => new JobQueue({})],
  ['a backend class', TypeError, ['backend', 'a function'], () => new JobQueue(DummyBackend)],
  ['a logger that is none', TypeError, ['logger'], () => new JobQueue(new DummyBackend(), {})],
  [
    'options in the logger’s place',
    TypeError,
    ['logger', 'third argument'],
    () => new JobQueue(new DummyBackend(), { autoRecover: false }),
  ],
  ...[0, -1, NaN, Infinity].map((value) => [
    `visibilityTimeoutMs of ${value}`,
    RangeError,
    ['"visibilityTimeoutMs"', String(value)],
    () => new JobQueue(new DummyBackend(), undefined, { visibilityTimeoutMs: value }),
  ]),
  [
    'visibilityTimeoutMs a string',
    TypeError,
    ['"5m"'],
    () => new JobQueue(new DummyBackend(), undefined, { visibilityTimeoutMs: '5m' }),
  ],
  [
    'autoRecover a string',
    TypeError,
    ['true or false'],
    () => new JobQueue(new DummyBackend(), null, { autoRecover: 'no' }),
  ],
  [
    'onJobEvent an object',
    TypeError,
    ['a function'],
    () => new JobQueue(new DummyBackend(), null, { onJobEvent: {} }),
  ],
  [
    'unknown option',
    TypeError,
    ['"visibilityTimeoutMs"?'],
    () => new JobQueue(new DummyBackend(), null, { visibilityTimeout: 5 }),
  ],
  ['DummyBackend: clock', TypeError, ['"clock"'], () => new DummyBackend({ clock: 5 })],
  [
    'ImmediateBackend: unknown option',
    TypeError,
    ['"clock"?'],
    () => new ImmediateBackend({ clok: Date.now }),
  ],
]

/** Calls to a backend that holds one active job. */
export const BACKEND = [
  ['claimNext: type', TypeError, ['claimNext: type'], (backend) => backend.claimNext({ $gt: '' })],
  ['claimNextByKey: key', TypeError, ['dedupeKey'], (backend) => backend.claimNextByKey('t', { $gt: '' })],
  ['complete: id', TypeError, ['jobId', 'an object'], (backend) => backend.complete({ $gt: '' })],
  ['complete: token', TypeError, ['claimToken'], (backend) => backend.complete('dummy-1', { $gt: '' })],
  ['fail: id', TypeError, ['jobId', 'empty string'], (backend) => backend.fail('', 'no')],
  ['failFatal: token', TypeError, ['claimToken', '7'], (backend) => backend.failFatal('dummy-1', 'no', 7)],
  ['release: id', TypeError, ['jobId'], (backend) => backend.release(undefined)],
  ['heartbeat: id', TypeError, ['jobId'], (backend) => backend.heartbeat(null)],
  ['log: message', TypeError, ['message'], (backend) => backend.log('dummy-1', { a: 1 })],
  ['findOne: no query', TypeError, ['query', 'undefined'], (backend) => backend.findOne()],
  [
    'findOne: operator as a value',
    TypeError,
    ['"id"', 'an object'],
    (backend) => backend.findOne({ id: { $gt: '' } }),
  ],
  ['findOne: operator as a field', TypeError, ['"$where"'], (backend) => backend.findOne({ $where: 'true' })],
  ['findOne: operator in a path', TypeError, ['"data.$gt"'], (backend) => backend.findOne({ 'data.$gt': 1 })],
  [
    'findOne: object in the payload',
    TypeError,
    ['"data.a"'],
    (backend) => backend.findOne({ 'data.a': { $ne: 1 } }),
  ],
  [
    'findOne: false BSON value',
    TypeError,
    ['"data.a"'],
    (backend) => backend.findOne({ 'data.a': { _bsontype: 'Long', $ne: 1 } }),
  ],
  ['findOne: pattern', TypeError, ['"data.a"'], (backend) => backend.findOne({ 'data.a': /x/ })],
  ['findOne: whole payload', TypeError, ['"data"'], (backend) => backend.findOne({ data: {} })],
  [
    'findOne: undefined',
    TypeError,
    ['"type"', 'undefined'],
    (backend) => backend.findOne({ type: undefined }),
  ],
  ['findOne: status', RangeError, ['"status"', '"done"'], (backend) => backend.findOne({ status: 'done' })],
  ['findOne: unknown field', TypeError, ['"status"?'], (backend) => backend.findOne({ statuss: 'failed' })],
  [
    'recoverStuckJobs: negative',
    RangeError,
    ['visibilityTimeoutMs'],
    (backend) => backend.recoverStuckJobs(-1),
  ],
  ['recoverStuckJobs: size', RangeError, ['maxPerSweep'], (backend) => backend.recoverStuckJobs(1000, 0)],
  ['onJobAvailable: no listener', TypeError, ['listener'], (backend) => backend.onJobAvailable('t')],
]

/** [what is wrong, what the message must say, makes the payload] */
export const PAYLOADS = [
  ['a function', ['data is a function'], () => handler],
  ['a symbol', ['data is a symbol'], () => Symbol('s')],
  ['a promise', ['data is a promise', 'await'], () => Promise.resolve({})],
  ['a promise within', ['data.user is a promise'], () => ({ user: Promise.resolve({}) })],
  ['a function within', ['data.a.0.b is a function'], () => ({ a: [{ b: handler }] })],
  ['a circle', ['data.a.b.0', 'contains it'], () => circular],
  ['a bigint over 64 bits', ['data.n', '64 bits'], () => ({ n: 2n ** 63n })],
  ['a Map with keys that are no strings', ['data.m', 'not a string'], () => ({ m: new Map([[1, 2]]) })],
  [
    'nesting without end',
    ['levels deep'],
    () => Array.from({ length: 500 }).reduce((within) => ({ within }), null),
  ],
]
