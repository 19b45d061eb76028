/**
 * Options and payloads at random: each is taken, or refused by an error that says so and quotes no password. Their seeds:
 * `support/rounds.mjs`.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { DurablError, MongoJobQueue } from 'durabl'
import { BSON, Decimal128, Long, MongoClient, ObjectId } from 'mongodb'
import { codecOf } from '../../../dist/mongo/bson/codec.js'
import { OPTION_TABLE } from '../../../dist/mongo/connection/option-table.js'
import { encodePayload } from '../../../dist/mongo/bson/payload.js'
import { ROUNDS, atRandom } from '../../support/rounds.mjs'

const PASSWORD = 's3cr3t-passw0rd'

const revoked = () => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}
const hostile = {
  get x() {
    throw new Error('a getter')
  },
}
const ODD = [
  undefined,
  null,
  '',
  ' ',
  '\0',
  '\ud800',
  'x'.repeat(5000),
  '$where',
  'a.b',
  0,
  -1,
  1.5,
  NaN,
  Infinity,
  2 ** 53,
]
const ODDER = [
  1n,
  2n ** 70n,
  true,
  false,
  {},
  [],
  [1],
  { $ne: null },
  new Date(NaN),
  () => {},
  Symbol('s'),
  hostile,
  /x/,
]
const BSON_VALUES = [
  new ObjectId(),
  Long.MAX_VALUE,
  Decimal128.fromString('1.5'),
  new Date(0),
  Buffer.from([0, 255]),
]
const VALUES = [...ODD, ...ODDER, ...BSON_VALUES, new Map([['k', 1]]), new Set([1]), Object.create(null)]

const OWN = [
  'collectionName',
  'useChangeStreams',
  'logger',
  'maxLogEntries',
  'maxLogMessageBytes',
  'maxBlockMs',
  'database',
  'db',
  'uri',
]

const pick = (random, list) => list[Math.floor(random() * list.length)]

/** @param how to have it again */
function assertRefusal(error) {
  const isOurs = typeof error?.code === 'string' && error.code.startsWith('ERR_DURABL_')
  assert.ok(isOurs, error?.stack ?? String(error))
  assert.ok(
    error instanceof DurablError || error instanceof TypeError || error instanceof RangeError,
    error.stack,
  )
  assert.ok(!`${error.message}${error.stack}`.includes(PASSWORD), `a password in ${error.message}`)
}

/** Connection strings of which an error has quoted the password once, as lines of JSON. */
const TROUBLE = readFileSync(new URL('corpus/quoted-uris.jsonl', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line))

/** A connection string with some of its characters changed, and options that may be none. */
function uri(random) {
  const names = Object.keys(OPTION_TABLE)
  const options = Array.from({ length: Math.floor(random() * 4) }, () => {
    const value = pick(random, [
      'true',
      'false',
      '0',
      '-1',
      '99999999999',
      'x',
      '',
      '%',
      '%00',
      '$external',
      'a:b,c:d',
    ])
    return `${pick(random, names)}=${value}`
  })
  let text = `mongodb://me:${PASSWORD}@127.0.0.1:1,[::1]:2/db?${options.join('&')}`
  for (let edits = Math.floor(random() * 3); edits > 0; edits--) {
    // The password stays whole, or a part of it would be looked for in vain.
    const places = [...Array(text.length).keys()].filter((place) => {
      const start = text.indexOf(PASSWORD)
      return place < start || place >= start + PASSWORD.length
    })
    const place = pick(random, places)
    text =
      text.slice(0, place) +
      pick(random, ['', '@', '/', '?', '&', '%', ':', ',', '\0', 'é']) +
      text.slice(place + 1)
  }
  return text
}

test('connection strings that were trouble are refused, and not quoted', () => {
  for (const uri of TROUBLE)
    assert.throws(
      () => new MongoJobQueue({ uri, database: 'app' }),
      (error) => {
        assertRefusal(error)
        return true
      },
      JSON.stringify(uri),
    )
})

test('a backend is made of any options, or they are refused by name', async (t) => {
  const counts = { made: 0, refused: 0 }
  await atRandom(t, { share: 1 / 2 }, async ({ draw: { random } }) => {
    const options = {
      uri: random() < 0.7 ? uri(random) : `mongodb://me:${PASSWORD}@127.0.0.1:1`,
      database: 'app',
    }
    for (let odd = Math.floor(random() * 3); odd > 0; odd--) options[pick(random, OWN)] = pick(random, VALUES)
    let backend = null
    try {
      backend = new MongoJobQueue(options)
      counts.made += 1
    } catch (error) {
      assertRefusal(error)
      counts.refused += 1
    }
    // Now: there may be rounds for many minutes.
    await backend?.shutdown(0)
  })
  assert.ok(counts.made > ROUNDS / 20 && counts.refused > ROUNDS / 20, JSON.stringify(counts))
})

function payload(random, depth) {
  if (depth === 0 || random() < 0.4)
    return pick(random, random() < 0.7 ? BSON_VALUES.concat(0, 'x', null, true) : [...VALUES, revoked()])
  const children = Array.from({ length: Math.floor(random() * 4) }, () => payload(random, depth - 1))
  if (random() < 0.3) return children
  const keys = ['a', '$ne', 'a.b', '', '__proto__', 'toBSON', '_bsontype', 'constructor', 'length', 'é', '0']
  return Object.fromEntries(children.map((child) => [pick(random, keys), child]))
}

test('a payload is stored as the driver stores it, or refused by its path', async (t) => {
  const client = new MongoClient('mongodb://127.0.0.1:1')
  const codec = codecOf(client.db('app'))
  const counts = { stored: 0, refused: 0 }
  await atRandom(t, { share: 1 / 2 }, ({ draw: { random } }) => {
    const data = payload(random, 4)
    try {
      const bytes = encodePayload('enqueue', data, codec)
      const expected = Buffer.from(BSON.serialize({ data: data ?? null }, { ignoreUndefined: false }))
      assert.deepEqual(bytes, expected)
      counts.stored += 1
    } catch (error) {
      if (error.code === 'ERR_ASSERTION') throw error
      assertRefusal(error)
      counts.refused += 1
    }
  })
  assert.ok(counts.stored > ROUNDS / 20 && counts.refused > ROUNDS / 20, JSON.stringify(counts))
})
