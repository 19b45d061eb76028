/**
 * The quick reader of jobs, beside the library's. The seeds of documents at random: `support/rounds.mjs`.
 */
import assert from 'node:assert/strict'
import test from 'node:test'
import { inspect } from 'node:util'
import * as mongodb7 from 'mongodb'
import * as mongodb6 from 'mongodb6'
import { codecOf } from '../../../dist/mongo/bson/codec.js'
import { decodeJob, decodeJobs } from '../../../dist/mongo/bson/job-document.js'
import { JobReader } from '../../../dist/mongo/bson/job-reader.js'
import { atRandom } from '../../support/rounds.mjs'

const { BSON, Binary, Decimal128, Double, Int32, Long, MinKey, ObjectId, Timestamp } = mongodb7

const codecOn = (mongodb) => codecOf(new mongodb.MongoClient('mongodb://127.0.0.1:1').db('app'))
const codec = codecOn(mongodb7)

const moment = new Date('2026-11-27T08:46:45.451Z')
const usual = {
  _id: '01a21c2f-82ca-7402-bd83-c1efa9387370',
  type: 'mail',
  data: { to: 'ada', lines: [1, { two: 2 }], at: moment, id: new ObjectId() },
  status: 'active',
  priority: 0,
  attempt: 1,
  maxAttempts: 3,
  runAt: moment,
  createdAt: moment,
  claimToken: '94c5790a-49bf-45dd-80a3-5cc97c12d5ee',
  claimedAt: moment,
}

/** The quick reader's answer, beside the library's; whether the quick one had one. */
function readBothWays(bytes, using = codec) {
  const quick = new JobReader(bytes, using.bson).read(0, bytes.length)
  assert.deepEqual(decodeJobs(bytes, 1, using)[0], decodeJob(bytes, using))
  return quick !== null
}

const bytesOf = (document) => Buffer.from(BSON.serialize(document))

test('a job in its usual form is read without the library, but for its payload', () => {
  for (const mongodb of [mongodb7, mongodb6]) assert.ok(readBothWays(bytesOf(usual), codecOn(mongodb)))
  const keyed = { ...usual, dedupeKey: 'user:7', dedupeScope: 'pending', backoff: 'fixed', backoffDelay: 5 }
  assert.ok(readBothWays(bytesOf(keyed)))
  assert.ok(readBothWays(bytesOf({ ...usual, failReason: 'the last try', priority: -1.5, claimedAt: null })))
  const trace = { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, tracestate: 'a=1' }
  assert.ok(readBothWays(bytesOf({ ...usual, trace })))
  for (const data of [null, 7, 0.5, 'text', '', moment, {}, { __proto__: null, a: 1 }])
    assert.ok(readBothWays(bytesOf({ ...usual, data })), inspect(data))
})

test('the order of the fields does not matter', () => {
  const turned = Object.fromEntries(Object.entries(usual).toReversed())
  assert.ok(readBothWays(bytesOf(turned)))
})

test('unusual values are left to the library', () => {
  const unusual = {
    ...{ 'an id of another kind': { _id: new ObjectId() }, 'a wide number': { attempt: Long.fromNumber(4) } },
    ...{
      'a field of an operator': { owner: 'ada' },
      'a log': { logs: [] },
      'other letters': { type: 'Müll' },
    },
    ...{
      'a payload that is an array': { data: [1, 2] },
      'a payload in bytes': { data: new Binary(Buffer.from('x')) },
    },
    ...{
      'a wide payload': { data: Long.fromNumber(5) },
      'a moment as text': { runAt: 'tomorrow', claimedAt: new MinKey() },
    },
    ...{
      'an exact number': { priority: Decimal128.fromString('1.5') },
      'a timestamp': { runAt: new Timestamp(5n) },
    },
  }
  for (const [name, fields] of Object.entries(unusual))
    assert.ok(!readBothWays(bytesOf({ ...usual, ...fields })), name)
})

test('jobs of one batch keep their own ids and tokens', () => {
  const tokens = ['94c5790a-49bf-45dd-80a3-5cc97c12d5ee', 'short', '94c5790a-49bf-45dd-80a3-5cc97c12d5ef', '']
  const documents = [0, 0, 1, 2, 2, 3, 0].map((token, i) =>
    bytesOf({ ...usual, _id: `id-${i}`, claimToken: tokens[token] }),
  )
  const jobs = decodeJobs(Buffer.concat(documents), documents.length, codec)
  assert.deepEqual(
    jobs,
    documents.map((document) => decodeJob(document, codec)),
  )
})

test('a client that reads otherwise is read for by the library', () => {
  const options = { promoteLongs: false, promoteValues: false }
  const odd = codecOf(new mongodb7.MongoClient('mongodb://127.0.0.1:1', options).db('app'))
  const [job] = decodeJobs(bytesOf({ ...usual, data: { n: new Int32(1) } }), 1, odd)
  assert.ok(job.data.n instanceof Int32)
})

const forEachSeed = (t, round) => atRandom(t, { share: 1 / 2 }, ({ draw }) => round(draw))

test('documents at random are read as the library reads them', (t) => {
  const values = [
    ...[
      null,
      undefined,
      '',
      'a',
      'ä\u0000',
      0,
      -0,
      1,
      2 ** 31,
      0.1,
      NaN,
      true,
      moment,
      new Date(NaN),
      [],
      {},
    ],
    ...[
      { $ref: 'a', $id: 1 },
      new Double(1),
      Long.MAX_VALUE,
      new ObjectId(),
      new Binary(Buffer.alloc(3)),
      /x/u,
    ],
  ]
  const names = [
    ...Object.keys(usual),
    'dedupeKey',
    'dedupeScope',
    'failReason',
    'failedAt',
    'backoff',
    'other',
  ]
  let [quick, all] = [0, 0]
  forEachSeed(t, (draw) => {
    for (let i = 0; i < 10; i += 1) {
      const document = { ...usual }
      for (let changes = draw.between(0, 2); changes > 0; changes -= 1)
        document[draw.one(names)] = draw.one(values)
      if (readBothWays(bytesOf(document))) quick += 1
      all += 1
    }
  })
  assert.ok(quick > all / 6 && quick < all, `${quick} of ${all}`)
})

/** As text, since an invalid date equals no other. The reasons of a refusal may differ: each reader fails the job. */
function outcome(decode) {
  try {
    return inspect(decode(), { depth: Infinity })
  } catch {
    return 'refused'
  }
}

test('damaged documents are refused or read as the library does', (t) => {
  const whole = bytesOf({ ...usual, dedupeKey: 'k' })
  forEachSeed(t, (draw) => {
    for (let i = 0; i < 15; i += 1) {
      const bytes = Buffer.from(whole)
      for (let hits = draw.between(1, 3); hits > 0; hits -= 1)
        bytes[draw.between(4, bytes.length - 1)] = draw.between(0, 255)
      const [quick, library] = [() => decodeJobs(bytes, 1, codec)[0], () => decodeJob(bytes, codec)].map(
        outcome,
      )
      assert.equal(quick, library, `bytes ${bytes.toString('hex')}`)
    }
  })
})
