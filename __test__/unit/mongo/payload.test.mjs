import assert from 'node:assert/strict'
import test from 'node:test'
import * as mongodb7 from 'mongodb'
import * as mongodb6 from 'mongodb6'
import { codecOf } from '../../../dist/mongo/bson/codec.js'
import { decodeJob, decodeJobs, decodeRecord } from '../../../dist/mongo/bson/job-document.js'
import { MAX_PAYLOAD_BYTES, encodePayload } from '../../../dist/mongo/bson/payload.js'

const { BSON, Binary, Decimal128, Double, Int32, Long, ObjectId, Timestamp, UUID } = mongodb7

/** The codec of a client with these options. Nothing connects. */
function codecWith(options = {}, mongodb = mongodb7) {
  return codecOf(new mongodb.MongoClient('mongodb://127.0.0.1:1', options).db('app'))
}

const encoded = (data, codec = codecWith()) => encodePayload('enqueue', data, codec)
const there = (data, options) => BSON.deserialize(encoded(data, codecWith(options)), options).data

function refused(data, options, what) {
  let found
  assert.throws(
    () => encoded(data, codecWith(options)),
    (error) => {
      found = error
      return true
    },
    what,
  )
  assert.equal(found.name, 'PayloadError', found.stack)
  return found
}

test('a value that the driver stores comes back as from the driver', () => {
  const data = {
    date: new Date('2020-02-29T12:00:00Z'),
    id: new ObjectId(),
    decimal: Decimal128.fromString('0.1'),
    int32: new Int32(7),
    double: new Double(7),
    binary: new Binary(Buffer.from([1, 2, 3]), 128),
    uuid: new UUID(),
    timestamp: new Timestamp({ t: 1, i: 2 }),
    regexp: /a+b/gi,
    map: new Map([['key', new Map([['inner', [1, null]]])]]),
    nested: [[[]], [{}, { a: [] }]],
    nothing: null,
    empty: {},
    text: 'žluťoučký 🐎 \u0000 done',
    numbers: [0, -0, 1.5, NaN, Infinity, 2 ** 53, -(2 ** 31) - 1],
    bigint: 2n ** 63n - 1n,
    long: Long.fromString('9223372036854775807'),
    yes: true,
  }
  const expected = BSON.serialize({ data })
  assert.deepEqual(encoded(data), Buffer.from(expected))
})

test('bytes in every shape survive', () => {
  const bytes = Uint8Array.from([0, 1, 255])
  for (const data of [bytes, Buffer.from(bytes), new Binary(bytes)]) {
    assert.deepEqual(Buffer.from(there({ data }, { promoteBuffers: true }).data), Buffer.from(bytes))
  }
})

test('a payload may be anything that a field may hold', () => {
  for (const data of [null, 0, '', 'text', false, [], [1, 'a'], {}]) assert.deepEqual(there(data), data)
  assert.equal(there(undefined), null)
  assert.deepEqual(there(new Date(5)), new Date(5))
})

test('undefined inside a payload becomes null, or goes, as the client has it', () => {
  assert.deepEqual(there({ a: undefined, list: [undefined] }), { a: null, list: [null] })
  assert.deepEqual(there({ a: undefined, list: [undefined] }, { ignoreUndefined: true }), { list: [null] })
  assert.equal(there(undefined, { ignoreUndefined: true }), null)
})

test('objects that encode themselves are asked to', () => {
  class Money {
    constructor(cents) {
      this.cents = cents
    }
    toBSON() {
      return { cents: this.cents, currency: 'EUR' }
    }
  }
  assert.deepEqual(there({ price: new Money(5) }), { price: { cents: 5, currency: 'EUR' } })
  assert.match(refused({ a: { toBSON: () => ({ b: Symbol('s') }) } }).message, /data\.a\.b is a symbol/)
  assert.match(
    refused({
      toBSON() {
        throw new Error('no money')
      },
    }).message,
    /no money/,
  )
})

test('functions and symbols are refused by their path', () => {
  const { message, code } = refused({ user: { roles: [{ check: () => true }] } })
  assert.equal(code, 'ERR_DURABL_PAYLOAD_NOT_ENCODABLE')
  assert.match(message, /enqueue.*data\.user\.roles\.0\.check is a function/)
  assert.match(refused(() => {}).message, /data is a function/)
  assert.match(refused({ user: Promise.resolve({}) }).message, /data\.user is a promise: await it first/)
  assert.match(refused(new Map([['k', Symbol('s')]])).message, /data\.k is a symbol/)
})

test('functions become code where the client asks for it', () => {
  const options = { serializeFunctions: true }
  assert.equal(there({ f: (a) => a }, options).f.code, '(a) => a')
})

test('a cycle is refused by both its ends', () => {
  const order = { items: [{}] }
  order.items[0].order = order
  assert.match(refused({ order }).message, /data\.order\.items\.0\.order refers back to data\.order,/)
  const map = new Map()
  map.set('self', map)
  assert.match(refused(map).message, /data\.self refers back to data,/)
  const list = []
  list.push(list)
  assert.match(refused({ list }).message, /data\.list\.0 refers back to data\.list,/)
})

test('one object in two places is no cycle', () => {
  const shared = { a: 1 }
  assert.deepEqual(there({ one: shared, two: shared }), { one: { a: 1 }, two: { a: 1 } })
})

test('nesting is refused beyond what MongoDB stores', () => {
  const nested = (levels) => (levels === 0 ? 1 : { a: nested(levels - 1) })
  assert.doesNotThrow(() => encoded(nested(179)))
  assert.match(refused(nested(180)).message, /data\.a\.a.* is nested more than 179 levels deep/)
})

test('numbers that do not fit are refused', () => {
  assert.match(refused({ n: [2n ** 63n] }).message, /data\.n\.0 is a bigint that does not fit/)
  assert.match(refused({ n: -(2n ** 63n) - 1n }).message, /data\.n/)
  assert.equal(there({ n: -(2n ** 63n) }, { useBigInt64: true }).n, -(2n ** 63n))
})

test('keys that MongoDB or its library cannot hold are refused', () => {
  assert.match(refused({ 'a\0b': 1 }).message, /null bytes/)
  assert.match(refused(new Map([[1, 'one']])).message, /a key that is not a string/)
})

test('an error that a getter throws is a refusal with its cause', () => {
  const cause = new Error('not now')
  const error = refused({
    get later() {
      throw cause
    },
  })
  assert.equal(error.cause, cause)
})

test('BSON values of another major version are refused by their path', () => {
  const error = refused({ user: { id: new mongodb6.ObjectId() } })
  assert.match(error.message, /data\.user\.id is a BSON value made by version 6 .* uses version 7/)
})

test('the other major version works with its own values', () => {
  const codec = codecWith({}, mongodb6)
  const id = new mongodb6.ObjectId()
  const { data } = mongodb6.BSON.deserialize(encoded({ id }, codec))
  assert.ok(data.id instanceof mongodb6.ObjectId && data.id.equals(id))
})

test('15 MB go in, and a payload over the limit is refused with its size', () => {
  const mb = 1024 * 1024
  assert.equal(encoded({ blob: Buffer.alloc(15 * mb) }).length > 15 * mb, true)
  // An envelope of `{ data: { blob: <binary> } }` takes 27 bytes.
  const largest = MAX_PAYLOAD_BYTES - 27
  assert.equal(encoded({ blob: Buffer.alloc(largest) }).length, MAX_PAYLOAD_BYTES)
  const error = refused({ blob: Buffer.alloc(largest + 1) })
  assert.equal(error.code, 'ERR_DURABL_PAYLOAD_TOO_LARGE')
  assert.match(
    error.message,
    new RegExp(`takes ${MAX_PAYLOAD_BYTES + 1} bytes.*can hold ${MAX_PAYLOAD_BYTES}`),
  )
})

test('no way of being too large is cut short in silence', () => {
  const many = (length, value) => Array.from({ length }, () => value)
  for (const [name, data] of Object.entries({
    'one long string': 'x'.repeat(17e6),
    'one long string of wide characters': '漢'.repeat(6e6),
    'many short strings': many(1.5e6, 'abcdef'),
    'many short strings of wide characters': many(600_000, '漢字漢字漢字漢字'),
    'many empty strings': many(1.3e6, ''),
    'many nulls': many(2e6, null),
    'many keys': Object.fromEntries(many(900_000, 0).map((_, index) => [`key-number-${index}`, null])),
    'many numbers': many(1.2e6, 1.5),
    'many objects': many(1.5e6, {}),
    'many ids': many(1e6, new ObjectId()),
    'many small buffers': many(1.3e6, Buffer.alloc(3)),
    'many expressions': many(300_000, /some-pattern-or-other-of-some-length-that-repeats-itself/g),
    'a map': new Map(many(900_000, 0).map((_, index) => [`key-number-${index}`, index])),
    'what toBSON makes': { toBSON: () => ({ text: 'x'.repeat(17e6) }) },
  })) {
    assert.equal(refused(data, {}, name).code, 'ERR_DURABL_PAYLOAD_TOO_LARGE', name)
  }
})

// ---------------------------------------------------------------------------------------------------------------------

const moment = new Date('2024-05-06T07:08:09Z')

const stored = {
  _id: 'id-1',
  type: 'mail',
  data: { n: Long.fromNumber(5), bytes: new Binary(Buffer.from('b')), pattern: /x/i },
  status: 'active',
  priority: -3,
  attempt: 2,
  maxAttempts: 5,
  dedupeKey: 'key',
  dedupeScope: 'pending',
  runAt: moment,
  createdAt: moment,
  claimedAt: moment,
  claimToken: 'token',
  logs: [{ timestamp: moment, message: 'hello' }],
}

test('a stored job is decoded field by field', () => {
  const job = decodeJob(BSON.serialize(stored), codecWith())
  assert.deepEqual(
    { ...job, data: null },
    {
      id: 'id-1',
      type: 'mail',
      data: null,
      status: 'active',
      attempt: 2,
      maxAttempts: 5,
      priority: -3,
      runAt: moment,
      createdAt: moment,
      dedupeKey: 'key',
      dedupeScope: 'pending',
      claimedAt: moment,
      claimToken: 'token',
    },
  )
  assert.deepEqual(decodeRecord(BSON.serialize(stored), codecWith()).logs, stored.logs)
})

test('null means absent, and old documents lack what is newer', () => {
  const old = {
    ...{ _id: 'a', type: 't', data: 1, status: 'pending', priority: 0, attempt: 0, maxAttempts: 3 },
    ...{
      runAt: moment,
      createdAt: moment,
      dedupeKey: 'k',
      dedupeScope: null,
      claimedAt: null,
      failReason: null,
    },
    ...{ completedAt: null, failedAt: null, claimToken: null, logs: null },
  }
  const job = decodeRecord(BSON.serialize(old), codecWith())
  for (const absent of ['claimedAt', 'failReason', 'completedAt', 'failedAt', 'claimToken']) {
    assert.ok(!(absent in job), absent)
  }
  assert.equal(job.dedupeScope, 'pending+active')
  assert.deepEqual(job.logs, [])
  const bare = decodeJob(
    BSON.serialize({ _id: new ObjectId('65f0aabbccddeeff00112233'), type: 't' }),
    codecWith(),
  )
  assert.equal(bare.id, '65f0aabbccddeeff00112233')
  assert.deepEqual([bare.attempt, bare.maxAttempts, bare.priority], [0, 3, 0])
  assert.ok(!('dedupeKey' in bare) && bare.runAt instanceof Date)
})

test('the client’s options shape the payload, never the job’s own fields', () => {
  const document = { ...stored, priority: Long.fromNumber(4), attempt: new Double(2) }
  const bytes = BSON.serialize(document)
  for (const options of [
    { promoteValues: false },
    { promoteLongs: false },
    { useBigInt64: true },
    { promoteBuffers: true },
    { bsonRegExp: true },
    { raw: true },
    { enableUtf8Validation: false },
  ]) {
    const job = decodeJob(bytes, codecWith(options))
    assert.deepEqual([job.priority, job.attempt, job.maxAttempts, job.id], [4, 2, 5, 'id-1'])
    assert.deepEqual([job.runAt, job.claimToken], [moment, 'token'])
    assert.deepEqual(job.data, BSON.deserialize(bytes, options).data, JSON.stringify(options))
  }
})

test('jobs that lie end to end are told apart', () => {
  const documents = ['a', 'b', 'c'].map((_id) => BSON.serialize({ ...stored, _id }))
  const jobs = decodeJobs(Buffer.concat(documents), 3, codecWith())
  assert.deepEqual(
    jobs.map((job) => job.id),
    ['a', 'b', 'c'],
  )
})
