/** Results of steps: their sizes are those of BSON, and a value that would not come back the same is refused by its path. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createContext, runInContext } from 'node:vm'
import { BSON } from 'mongodb'
import { copyOfResult, decodeResult, encodeResult, sizeOfResult } from '../../../dist/journal/result.js'

const { Binary, Decimal128, Double, Int32, Long, MaxKey, MinKey, ObjectId, Timestamp } = BSON

/** As BSON has it: the size of a document with this value alone, without what the document itself takes. */
const sizeAsBson = (value) => BSON.calculateObjectSize({ v: value }) - BSON.calculateObjectSize({}) - 3

const VALUES = [
  ...['', 'abc', 'grüße', '🦀', '\0'],
  ...[0, 1, -1, 2 ** 31 - 1, -(2 ** 31), 2 ** 31, -(2 ** 31) - 1, 1.5, -0, NaN, Infinity],
  ...[true, false, null, new Date(0), Buffer.from('bytes'), new Uint8Array(3)],
  ...[
    [],
    [1, 'two', null],
    Array.from({ length: 12 }, () => 7),
    {},
    { a: 1 },
    { ü: { b: [true, { c: 'd' }] } },
  ],
  ...[new ObjectId(), new Long(1), new Double(1), new Int32(1), Decimal128.fromString('1')],
  ...[new Timestamp({ t: 1, i: 1 }), new MinKey(), new MaxKey(), new Binary(Buffer.from('1234'))],
  Object.assign(Object.create(null), { bare: 1 }),
]

const shown = (value) => {
  try {
    return BSON.EJSON.stringify(value)
  } catch {
    return String(value)
  }
}

class Custom {}
const circular = { list: [] }
circular.list.push(circular)
const deep = (levels) => (levels === 0 ? {} : { a: deep(levels - 1) })

/** [value, what the refusal says] */
const REFUSED = [
  [{ a: undefined }, '<result>.a is undefined: leave it out, or use null'],
  [[1, undefined], '<result>[1] is undefined'],
  [() => {}, '<result> is a function'],
  [{ a: 1n }, '<result>.a is a bigint'],
  [Symbol('s'), '<result> is a symbol'],
  [[new Date(NaN)], '<result>[0] is an invalid Date'],
  [circular, '<result>.list[0] is a reference to an object that contains it'],
  [deep(175), 'is nested more than 175 levels deep'],
  [{ 'a\0b': 1 }, '<result> is an object with a key that has a null character'],
  [{ a: [1, , 3] }, '<result>.a[1] is a hole in an array'], // eslint-disable-line no-sparse-arrays
  [{ a: Promise.resolve() }, '<result>.a is a promise: return a plain object'],
  [new Error('e'), '<result> is an Error'],
  [new Custom(), '<result> is an instance of class Custom'],
  [new Map(), '<result> is an instance of class Map'],
  [new (class {})(), '<result> is an instance of a class'],
  [Object.create(Object.create(null)), '<result> is an instance of a class'],
  [Object.create({ a: 1 }), '<result> is an instance of class Object'],
  [
    {
      get a() {
        throw new Error('no')
      },
    },
    "<result> can't be read: no",
  ],
]

describe('the result of a step', () => {
  for (const value of VALUES) {
    test(`takes the bytes that BSON takes: ${shown(value)}`, () => {
      assert.equal(sizeOfResult('s', value), sizeAsBson(value))
    })
  }

  test('of a rare kind of BSON counts for no less than it takes', () => {
    for (const value of [new BSON.BSONRegExp('^a', 'i'), new BSON.Code('() => 1')])
      assert.ok(sizeOfResult('s', value) >= sizeAsBson(value))
  })

  test('may be of an older library for BSON', () => {
    const older = (fields) => ({ [Symbol.for('@@mdb.bson.version')]: 4, ...fields })
    assert.equal(sizeOfResult('s', older({ _bsontype: 'ObjectID' })), 12)
    assert.equal(sizeOfResult('s', older({ _bsontype: 'Binary' })), 5)
  })

  test('may be an object of another realm', () => {
    const value = runInContext('({ a: [1, { b: 2 }] })', createContext())
    assert.equal(sizeOfResult('s', value), sizeAsBson({ a: [1, { b: 2 }] }))
  })

  test('may be nested 175 levels deep, and name one object twice', () => {
    assert.ok(sizeOfResult('s', deep(174)) > 0)
    const twice = { a: 1 }
    assert.equal(sizeOfResult('s', [twice, twice]), sizeAsBson([{ a: 1 }, { a: 1 }]))
  })

  for (const [value, says] of REFUSED) {
    test(`is refused: ${says}`, () => {
      assert.throws(
        () => sizeOfResult('charge', value),
        (error) => {
          assert.equal(error.name, 'NonSerializableStepResult')
          assert.ok(error.message.includes(says), error.message)
          assert.ok(error.message.includes('charge'), error.message)
          return true
        },
      )
    })
  }

  test('may be none, which is told from null', () => {
    for (const value of [undefined, null, 0, '', {}, [undefined]])
      assert.deepEqual(decodeResult(encodeResult('s', value)), value)
    // Other packages read and write this form too.
    assert.deepEqual(encodeResult('s', undefined), { __durablVoid: true })
  })

  test('may not look like none', () => {
    assert.throws(() => encodeResult('s', { __durablVoid: false }), /<result>.__durablVoid is a field/)
    const inherited = Object.create({ __durablVoid: true })
    assert.equal(encodeResult('s', inherited), inherited)
    assert.equal(decodeResult(inherited), inherited)
  })

  test('is copied whole, and no later change reaches the copy', () => {
    const id = new ObjectId()
    const value = {
      date: new Date(5),
      bytes: Buffer.from('abc'),
      list: [1, { deep: [null] }],
      id,
      text: 'x',
    }
    Object.defineProperty(value, '__proto__', { value: { own: 1 }, enumerable: true })
    const copy = copyOfResult(value)
    assert.deepEqual(copy, value)
    assert.deepEqual(Object.keys(copy), Object.keys(value))
    assert.equal(copy.id, id)
    for (const field of ['date', 'bytes', 'list']) assert.notEqual(copy[field], value[field])
    value.date.setTime(9)
    value.bytes.fill(0)
    value.list[1].deep.push(2)
    assert.deepEqual(
      [copy.date, copy.bytes, copy.list],
      [new Date(5), Buffer.from('abc'), [1, { deep: [null] }]],
    )
    copy.list[1].more = true
    copy.text = 'writable'
    assert.equal(delete copy.text, true)
  })
})
