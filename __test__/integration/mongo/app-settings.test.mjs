/**
 * A job's data is as it would come out of a collection of the app. It is read by the app's own driver, of either major version, with the
 * settings of its client or of its database.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { createRequire } from 'node:module'
import { after, before, describe, test } from 'node:test'
import { JobQueue, MongoJobQueue } from 'durabl'
import * as mongodb7 from 'mongodb'
import * as mongodb6 from 'mongodb6'
import { atEnd } from '../../support/cleanup.mjs'
import { testUrl } from '../../support/mongo.mjs'

const DATABASE = `durabl_test_settings_${process.pid}`

const admin = new mongodb7.MongoClient(testUrl())
before(async () => {
  // Once: the tests share the collections and tell their documents apart by their ids.
  const backend = new MongoJobQueue({ db: (await admin.connect()).db(DATABASE) })
  await backend.startup()
  await backend.shutdown()
})
after(async () => {
  await admin.db(DATABASE).dropDatabase()
  await admin.close()
})

/** Something of every kind that BSON has, by one driver's classes. */
function everything({ Binary, Decimal128, Double, Int32, Long, MinKey, ObjectId, Timestamp, UUID }) {
  return {
    date: new Date('2020-02-29T12:00:00Z'),
    id: new ObjectId(),
    decimal: Decimal128.fromString('123456789.000000000000000000001'),
    int32: new Int32(7),
    double: new Double(7.5),
    large: Long.fromString('9223372036854775807'),
    small: Long.fromNumber(5),
    binary: new Binary(Buffer.from([1, 2, 3]), 128),
    buffer: Buffer.from('bytes'),
    uuid: new UUID(),
    timestamp: new Timestamp({ t: 1, i: 2 }),
    least: new MinKey(),
    regexp: /a+b/gi,
    map: new Map([['key', new Map([['inner', [1, null]]])]]),
    nested: [[[]], [{}, { a: [] }]],
    nothing: null,
    absent: undefined,
    list: [undefined, 1],
    empty: {},
    operators: { $set: { a: '$b' }, 'dotted.name': '$$NOW', $literal: 1 },
    text: 'žluťoučký 🐎',
    numbers: [0, 1.5, Infinity, 2 ** 53],
    bigint: 2n ** 62n,
  }
}

const DRIVERS = { 'mongodb 7': mongodb7, 'mongodb 6': mongodb6 }

/** The database of a client that ends with the test. */
async function open(t, mongodb, clientOptions, dbOptions) {
  const client = await mongodb.MongoClient.connect(testUrl(), clientOptions)
  atEnd(t, () => client.close())
  return client.db(DATABASE, dbOptions)
}

function queueOn(t, db) {
  const queue = new MongoJobQueue({ db })
  atEnd(t, () => queue.shutdown(5000))
  return queue
}

/** A payload as a handler gets it, by a processor of this backend. */
async function handled(t, backend, data) {
  const queue = new JobQueue(backend)
  const type = `handled ${randomUUID()}`
  const run = new Promise((resolve) => queue.process(type, (job) => resolve(job.data)))
  atEnd(t, () => queue.shutdown(5000))
  await queue.enqueue(type, data)
  return run
}

/** A payload in four forms: from a claim, in a handler, from a look at the job, and from a collection of the app. */
async function allWays(t, db, data, backend = queueOn(t, db)) {
  const plain = db.collection('plain')
  const { insertedId } = await plain.insertOne({ data })
  const { id, data: claimed } = await backend.claimOrEnqueue('settings', data)
  return {
    claimed,
    found: (await backend.findOne({ id })).data,
    handled: await handled(t, backend, data),
    kept: await plain.findOne({ _id: insertedId }),
  }
}

const SETTINGS = [
  {},
  { promoteValues: false },
  { promoteLongs: false },
  { promoteBuffers: true },
  { bsonRegExp: true },
  { useBigInt64: true },
  { ignoreUndefined: true },
]

for (const [name, mongodb] of Object.entries(DRIVERS)) {
  describe(`to an app on ${name}`, () => {
    for (const settings of SETTINGS) {
      for (const level of ['client', 'database']) {
        test(`a payload comes back as its ${level} has it (${JSON.stringify(settings)})`, async (t) => {
          const db = await open(t, mongodb, ...(level === 'client' ? [settings] : [{}, settings]))
          const { claimed, found, handled, kept } = await allWays(t, db, everything(mongodb))
          assert.deepEqual(claimed, kept.data)
          assert.deepEqual(found, kept.data)
          assert.deepEqual(handled, kept.data)
          assert.ok(claimed.id instanceof mongodb.ObjectId)
        })
      }
    }

    test('a database has the last word over its client', async (t) => {
      const db = await open(
        t,
        mongodb,
        { promoteLongs: false, ignoreUndefined: true },
        { promoteLongs: true },
      )
      const { claimed, kept } = await allWays(t, db, {
        long: mongodb.Long.fromNumber(5),
        absent: undefined,
      })
      assert.deepEqual(claimed, { long: 5 })
      assert.deepEqual(claimed, kept.data)
    })

    test('functions become code where serializeFunctions asks for it', async (t) => {
      const db = await open(t, mongodb, { serializeFunctions: true })
      const { claimed, kept } = await allWays(t, db, { f: (a) => a + 1 })
      assert.equal(claimed.f.code, '(a) => a + 1')
      assert.deepEqual(claimed, kept.data)
    })

    test('where the client reads raw BSON, a payload is the bytes that its collections would give', async (t) => {
      const db = await open(t, mongodb, { raw: true })
      const queue = queueOn(t, db)
      const { id, data, attempt } = await queue.claimOrEnqueue('settings', { user: 'Ada', list: [{ a: 1 }] })
      await queue.log(id, 'a line')
      const whole = await db.collection('jobs').findOne({ _id: id })
      assert.ok(Buffer.isBuffer(data) && whole.includes(data))
      assert.deepEqual(mongodb.BSON.deserialize(data), { user: 'Ada', list: [{ a: 1 }] })
      // The job itself stays readable.
      const { logs, status } = await queue.findOne({ id })
      assert.deepEqual([attempt, status, logs[0].message], [1, 'active', 'a line'])
      assert.ok(logs[0].timestamp instanceof Date)
    })

    test('values of another copy of its BSON library are taken, as its collections take them', async (t) => {
      const db = await open(t, mongodb)
      const data = everything(otherCopy(name))
      assert.ok(!(data.id instanceof mongodb.ObjectId))
      const { claimed, kept } = await allWays(t, db, data)
      assert.deepEqual(claimed, kept.data)
      assert.ok(claimed.id instanceof mongodb.ObjectId && claimed.id.equals(data.id.toString()))
    })

    test('values of the other major version are refused, as its collections refuse them', async (t) => {
      const db = await open(t, mongodb)
      const other = name === 'mongodb 7' ? mongodb6 : mongodb7
      const data = { user: { id: new other.ObjectId() } }
      await assert.rejects(db.collection('plain').insertOne({ data }), { name: 'BSONVersionError' })
      await assert.rejects(queueOn(t, db).enqueue('settings', data), (error) => {
        assert.equal(error.code, 'ERR_DURABL_PAYLOAD_NOT_ENCODABLE')
        assert.match(error.message, /data\.user\.id is a BSON value made by version \d of the BSON library/)
        return true
      })
    })
  })
}

for (const settings of SETTINGS.slice(1).concat(
  { serializeFunctions: true },
  { enableUtf8Validation: false },
)) {
  const query = Object.entries(settings)
    .map((pair) => pair.join('='))
    .join('&')
  // Their case does not matter.
  for (const options of [query, query.toLowerCase()]) {
    test(`a payload comes back as a connection string has it (${options})`, async (t) => {
      const uri = `${testUrl()}${testUrl().includes('?') ? '&' : '?'}${options}`
      const client = await mongodb7.MongoClient.connect(uri)
      atEnd(t, () => client.close())
      const backend = new MongoJobQueue({ uri, database: DATABASE })
      const data = { ...everything(mongodb7), ...(settings.serializeFunctions && { f: (a) => a + 1 }) }
      const { claimed, found, handled, kept } = await allWays(t, client.db(DATABASE), data, backend)
      assert.deepEqual(claimed, kept.data)
      assert.deepEqual(found, kept.data)
      assert.deepEqual(handled, kept.data)
    })
  }
}

test('a switch of a connection string that is neither on nor off is refused by name', () => {
  const uri = 'mongodb://me:s3cret@one/?promotelongs=no'
  assert.throws(
    () => new MongoJobQueue({ uri, database: 'd' }),
    (error) => {
      assert.ok(error instanceof TypeError)
      assert.match(error.message, /"uri": promoteLongs must be true or false/)
      assert.ok(!error.message.includes('s3cret'))
      return true
    },
  )
})

test('an app with both drivers gets each client’s own classes, from one collection', async (t) => {
  const queues = []
  for (const mongodb of Object.values(DRIVERS)) queues.push(queueOn(t, await open(t, mongodb)))
  const id = await queues[0].enqueue('both', { owner: new mongodb7.ObjectId() })
  const seen = await queues[1].findOne({ id })
  assert.ok(seen.data.owner instanceof mongodb6.ObjectId)
  const claimed = await queues[0].claimNext('both')
  assert.ok(claimed.data.owner instanceof mongodb7.ObjectId)
})

/** The library that a driver uses, loaded a second time: what a package manager makes of two apps in one tree. */
function otherCopy(name) {
  const packageName = name === 'mongodb 7' ? 'mongodb' : 'mongodb6'
  const require = createRequire(createRequire(import.meta.url).resolve(packageName))
  const path = require.resolve('bson')
  const known = require.cache[path]
  delete require.cache[path]
  try {
    return require(path)
  } finally {
    require.cache[path] = known
  }
}
