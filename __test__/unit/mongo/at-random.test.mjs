/**
 * Input from outside, as anybody may have written it. Stored documents with odd fields, or damaged, go to handlers; payloads and connection
 * strings are read. Input that was trouble, or looks like it, stands in `corpus/`; the rest is drawn from seeds (`support/rounds.mjs`).
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { BSON, MongoClient } from 'mongodb'
import { AddonEngine } from '../../../dist/engine/addon/addon-engine.js'
import { Driver } from '../../../dist/driver/driver.js'
import { safeLogger } from '../../../dist/base/logger.js'
import { codecOf } from '../../../dist/mongo/bson/codec.js'
import { decodeJob, decodeJobs, decodeRecord } from '../../../dist/mongo/bson/job-document.js'
import { encodePayload } from '../../../dist/mongo/bson/payload.js'
import { connectionFromUri } from '../../../dist/mongo/connection/uri.js'
import { Reporter } from '../../../dist/run/report.js'
import { settled } from '../../support/async.mjs'
import { FakeEngine } from '../../support/fake-engine.mjs'
import { recordingLogger } from '../../support/loggers.mjs'
import { atRandom } from '../../support/rounds.mjs'

const { EJSON } = BSON
const linesOf = (path) =>
  readFileSync(new URL(path, import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
const documentsOf = (path) => linesOf(path).map((line) => EJSON.parse(line, { relaxed: false }))

// The engine's own corpus is of documents, too.
const DOCUMENTS = [
  ...documentsOf('corpus/documents.jsonl'),
  ...documentsOf('../../../engine/tests/corpus/documents.jsonl'),
]
const PAYLOADS = documentsOf('corpus/payloads.jsonl')

const CODECS = [{}, { raw: true }, { useBigInt64: true }, { promoteValues: false, bsonRegExp: true }].map(
  (options) => codecOf(new MongoClient('mongodb://127.0.0.1:1', options).db('app')),
)

/** Values that fields of a job may have, though none of them should. */
const ODD = [
  ...DOCUMENTS.flatMap((document) => Object.values(document)),
  ...[null, true, '', 'text', 0, -1, 1.5, NaN, Infinity, new Date(0), new Date(NaN), [], {}, [[]]],
]
const FIELDS = [
  ...['_id', 'type', 'data', 'status', 'priority', 'attempt', 'maxAttempts', 'runAt', 'createdAt', 'logs'],
  ...['dedupeKey', 'dedupeScope', 'claimToken', 'claimedAt', 'completedAt', 'failedAt', 'failReason'],
]

const good = (n) => ({
  _id: `good-${n}`,
  type: 'work',
  data: { n },
  attempt: 1,
  maxAttempts: 3,
  claimToken: 't',
})

function oddDocument(draw) {
  const document = draw.chance(0.3) ? { ...draw.one(DOCUMENTS) } : good(0)
  for (let n = draw.between(1, 5); n > 0; n -= 1) {
    const field = draw.one(FIELDS)
    if (draw.chance(0.3)) delete document[field]
    else document[field] = draw.one(ODD)
  }
  return BSON.serialize(document)
}

/** Some bytes of it changed. Its length and its end stay: nothing else gets past the engine's own driver. */
function damaged(draw, bytes) {
  const document = Buffer.from(bytes)
  for (let n = draw.between(1, 6); n > 0 && document.length > 5; n -= 1)
    document[draw.between(4, document.length - 2)] = draw.chance(0.5)
      ? draw.between(0, 255)
      : draw.one([0, 2, 3, 4, 16])
  return document
}

/** A driver on an engine that a test plays, which decodes as the real one does. */
function start(codec, handler) {
  const engine = new FakeEngine()
  engine.decodeJob = (document) => decodeJob(document, codec)
  engine.decodeJobs = (documents, count) => decodeJobs(documents, count, codec)
  const report = new Reporter(() => {}, safeLogger(recordingLogger()))
  const options = { visibilityTimeoutMs: 1000, autoRecover: false, report, logger: report.logger }
  const driver = new Driver((events) => new AddonEngine(engine, {}, options, events), {}, options)
  const config = { pollInterval: null, heartbeatIntervalMs: null, timeoutMs: null, prefetch: null }
  driver.process({ type: 'work', handler, concurrency: 1000, ...config })
  return { engine, driver }
}

/** Hands documents over as claimed, good ones among them: all are answered for, once each, and the good ones run. */
async function handOver(codec, odd) {
  const ran = []
  const { engine, driver } = start(codec, (job) => void ran.push(job.id))
  const documents = odd.flatMap((bytes, n) => [bytes, BSON.serialize(good(n))])
  const runIds = Uint32Array.from(documents, (_, n) => n + 1)
  try {
    engine.emit({ kind: 'jobs', processorId: 0, runIds, documents: Buffer.concat(documents) })
    await driver.idle()
    await settled()
    const answered = engine.verdicts.map(({ runId }) => runId).sort((one, other) => one - other)
    assert.deepEqual(answered, [...runIds])
    for (const n of odd.keys()) assert.ok(ran.includes(`good-${n}`), `good-${n} did not run`)
    for (const { runId, kind, reason } of engine.verdicts)
      assert.ok(kind === 'complete' || (runId % 2 === 1 && /decoded/.test(reason)), `${runId}: ${reason}`)
  } finally {
    driver.close()
  }
}

/** Whether bytes are read or refused, and nothing else; also with their logs. */
function readRecord(bytes, codec) {
  try {
    decodeRecord(bytes, codec)
  } catch (error) {
    assert.ok(error instanceof Error, String(error))
  }
}

describe('stored documents as any program may have left them', () => {
  test('those of the corpus hold up no job beside them', async () => {
    for (const codec of CODECS)
      await handOver(
        codec,
        DOCUMENTS.map((document) => BSON.serialize(document)),
      )
    assert.equal({}.polluted, undefined)
  })

  test('odd and damaged ones at random hold up no job beside them', async (t) => {
    await atRandom(t, { share: 1 / 2 }, async ({ draw, show }) => {
      const codec = draw.one(CODECS)
      const odd = Array.from({ length: draw.between(1, 8) }, () => {
        const bytes = oddDocument(draw)
        return draw.chance(0.6) ? damaged(draw, bytes) : bytes
      })
      show(() => odd.map((bytes) => Buffer.from(bytes).toString('hex')).join('\n'))
      await handOver(codec, odd)
      for (const bytes of odd) readRecord(bytes, codec)
    })
    assert.equal({}.polluted, undefined)
  })
})

describe('payloads as any user may have typed them', () => {
  for (const [n, payload] of PAYLOADS.entries())
    test(`are stored as the driver would store them, or refused (${n})`, () => {
      let stored
      try {
        stored = encodePayload('enqueue', payload, CODECS[0])
      } catch (error) {
        return assert.equal(error.name, 'PayloadError', error.stack)
      }
      assert.deepEqual(Buffer.from(stored), Buffer.from(BSON.serialize({ data: payload })))
      assert.equal({}.polluted, undefined)
    })
})

describe('connection strings as any user may have typed them', () => {
  const strings = linesOf('corpus/uris.txt')

  /** Accepted, or refused by an error of durabl that quotes no secret. */
  function read(uri) {
    try {
      connectionFromUri(uri)
    } catch (error) {
      assert.match(String(error.code), /^ERR_(DURABL|INVALID)/, `${uri}: ${error.stack}`)
      assert.doesNotMatch(error.message, /secret/)
    }
  }

  for (const [n, uri] of strings.entries()) test(`are taken or refused by name (${n})`, () => read(uri))

  test('so are those that are mixed from them at random', (t) =>
    atRandom(t, { share: 1 / 2 }, ({ draw, show }) => {
      for (let n = 0; n < 5; n += 1) {
        const [one, other] = [draw.one(strings), draw.one(strings)]
        const mixed = one.slice(0, draw.between(0, one.length)) + other.slice(draw.between(0, other.length))
        show(() => mixed)
        read(mixed)
      }
    }))
})
