/** Payloads and reasons, as the page gets them. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Binary, Decimal128, Long, ObjectId } from 'mongodb'
import { grouped, normalised } from '../../../dist/dashboard/reasons.js'
import { parsed, shown } from '../../../dist/dashboard/ejson.js'
import { unmasked } from '../../../dist/dashboard/mask.js'
import { dashboardOf } from '../../support/dashboards.mjs'
import { madeUpQueue } from '../../support/made-up-queue.mjs'

describe('a payload', () => {
  test('loses nothing on its way to the page and back', () => {
    const id = new ObjectId()
    const payload = {
      long: Long.fromString('9223372036854775807'),
      decimal: Decimal128.fromString('0.1000'),
      id,
      at: new Date('2026-11-30T08:00:00.123Z'),
      bytes: new Binary(Buffer.from([1, 2, 255])),
      big: 12345678901234567890n,
      half: 0.5,
      minus: -0,
      none: null,
      list: [1, 'a', false],
    }
    const text = shown(payload).text
    assert.match(text, /"\$numberLong": "9223372036854775807"/)
    assert.match(text, /"\$numberDecimal": "0.1000"/)
    const back = parsed(text)
    assert.equal(String(back.long), '9223372036854775807')
    assert.equal(String(back.decimal), '0.1000')
    assert.ok(back.id.equals(id))
    assert.deepEqual(back.at, payload.at)
    assert.deepEqual([...back.bytes.buffer], [1, 2, 255])
  })

  test('may have names that every object has', () => {
    const payload = JSON.parse('{"__proto__": {"a": 1}, "constructor": 2, "toString": 3}')
    const text = shown(payload).text
    assert.deepEqual(Object.keys(JSON.parse(text)), ['__proto__', 'constructor', 'toString'])
    assert.equal({}.a, undefined)
  })

  test('is cut at 64 kB, between characters, unless all is asked for', () => {
    const payload = { text: 'ü'.repeat(100_000) }
    const cut = shown(payload)
    assert.equal(cut.isCut, true)
    assert.ok(Buffer.byteLength(cut.text) <= 64 * 1024)
    assert.doesNotMatch(cut.text, /\uFFFD/)
    assert.equal(cut.bytes, Buffer.byteLength(shown(payload, { isWhole: true }).text))
    assert.deepEqual(JSON.parse(shown(payload, { isWhole: true }).text), payload)
  })

  test('that is no object, or is deeper than BSON allows, is shown too', () => {
    assert.equal(shown('a').text, '"a"')
    assert.equal(shown(undefined).text, 'undefined')
    assert.equal(shown(Number.NaN).text, '{\n  "$numberDouble": "NaN"\n}')
    let deep = {}
    for (let depth = 0; depth < 1000; depth++) deep = { deep }
    assert.match(shown(deep).text, /deeper than this page shows/)
  })

  test('has its secrets masked, wherever they stand, and gets them back when it is edited', () => {
    const stored = {
      user: 'a',
      password: 'hunter2',
      list: [{ apiKey: 'k1' }, { api_key: 'k2' }],
      authToken: 't',
      tokens: 3,
    }
    const { text, hasMasked } = shown(stored)
    assert.equal(hasMasked, true)
    assert.doesNotMatch(text, /hunter2|k1|k2|"t"/)
    const edited = { ...JSON.parse(text), user: 'b' }
    assert.deepEqual(unmasked(edited, stored), { ...stored, user: 'b' })
    edited.password = 'new'
    assert.equal(unmasked(edited, stored).password, 'new')
    assert.throws(() => unmasked({ secret: '(masked)' }, stored), /no value for the masked field "secret"/)
  })

  test('is edited by the page without the mask ever becoming a value', async () => {
    const queue = madeUpQueue()
    const [job] = [...queue.jobs.values()].filter(({ status }) => status === 'failed')
    const { get, act } = dashboardOf(queue)
    const page = await (await get(`api=job&id=${job.id}`)).json()
    assert.doesNotMatch(JSON.stringify(page), /hunter2|sk_live_1/)
    const data = JSON.stringify({ ...JSON.parse(page.data.text), amount: 5 })
    assert.equal((await act({ action: 'retry', id: job.id, data })).status, 200)
    const [, , options] = queue.calls.find(([name]) => name === 'retry')
    assert.deepEqual(options.data, { ...job.data, amount: 5 })
  })

  test('is shown as `present` says, masked all the same, and is not edited then', async () => {
    const queue = madeUpQueue()
    const [job] = [...queue.jobs.values()].filter(({ status }) => status === 'failed')
    const present = ({ data }) => ({ who: data.userId, password: data.password })
    const { get, act } = dashboardOf(queue, { present })
    const page = await (await get(`api=job&id=${job.id}`)).json()
    assert.deepEqual(JSON.parse(page.data.text), { who: job.data.userId, password: '(masked)' })
    assert.equal((await act({ action: 'retry', id: job.id, data: '{}' })).status, 400)
    const broken = dashboardOf(queue, {
      present: () => {
        throw new Error('no such field')
      },
    })
    assert.match(
      (await (await broken.get(`api=job&id=${job.id}`)).json()).data.text,
      /present failed: no such field/,
    )
  })
})

describe('reasons', () => {
  for (const [one, other] of [
    ['connect ECONNREFUSED 10.0.0.1:5432', 'connect ECONNREFUSED 10.9.8.7:5433'],
    ['no user 42', 'no user 4711'],
    ['job 01928f3c-0001-7c1e-9f00-5a1b2c3d4e5f is gone', 'job 11928f3c-0001-7c1e-9f00-5a1b2c3d4e5f is gone'],
    ['document 507f1f77bcf86cd799439011 not found', 'document 607f1f77bcf86cd799439012 not found'],
    ['customer cus_9s6XKzkNRiz8i3 declined', 'customer cus_Nx71 declined'],
    ['cannot mail ada@example.com', 'cannot mail bob.b@mail.example.org'],
    ['GET https://api.example.com/a/1?x=2 failed', 'GET https://api.example.com/b/7 failed'],
    ['late at 2026-11-30T08:00:00.000Z', 'late at 2025-01-01 10:20:30'],
    ['451 try later, id k3f09zq1x', '451 try later, id 8ab2mm4w0q'],
    ['session Q7RT2M9XK expired', 'session 1ZZ8P0LM4 expired'],
    ["unknown field 'name'", "unknown field 'address'"],
    ['first line\n at stack 1', 'first line\n at another stack 2'],
  ]) {
    test(`${JSON.stringify(one)} and ${JSON.stringify(other)} are one`, () => {
      assert.equal(normalised(one), normalised(other))
    })
  }

  test('that say different things stay apart', () => {
    assert.notEqual(
      normalised('connect ECONNREFUSED 10.0.0.1:5432'),
      normalised('connect ETIMEDOUT 10.0.0.1:5432'),
    )
    assert.notEqual(
      normalised('GET https://a.example.com/ failed'),
      normalised('GET https://b.example.com/ failed'),
    )
    // Names of things have digits too.
    assert.notEqual(normalised('no S3Client'), normalised('no R2Client'))
    assert.match(normalised('sha256 of utf8mb4 differs'), /^sha<n> of utf<n>mb<n> differs$/)
    assert.equal(normalised(''), '(no reason)')
  })

  test('of any length and content are normalised at once', () => {
    const start = performance.now()
    for (const text of ['"'.repeat(100_000), 'a_'.repeat(50_000), '1.'.repeat(50_000), 'a@'.repeat(50_000)])
      normalised(text)
    assert.ok(performance.now() - start < 500)
  })

  test('are grouped by type, the largest group first', () => {
    const job = (id, type, failReason, endedAt) => ({ id, type, failReason, endedAt })
    const groups = grouped([
      job('c', 'a', 'no user 3', 30),
      job('b', 'b', 'no user 2', 20),
      job('a', 'a', 'no user 1', 10),
    ])
    assert.deepEqual(
      groups.map(({ type, reason, count, firstAt, lastAt, ids }) => [
        type,
        reason,
        count,
        firstAt,
        lastAt,
        ids,
      ]),
      [
        ['a', 'no user <n>', 2, 10, 30, ['c', 'a']],
        ['b', 'no user <n>', 1, 20, 20, ['b']],
      ],
    )
  })

  test('of cancelled and expired jobs are no failures', async () => {
    const queue = madeUpQueue({ failed: 10 })
    const failed = [...queue.jobs.values()].filter(({ status }) => status === 'failed')
    failed[0].ending = 'cancelled'
    failed[1].ending = 'expired'
    const { groups } = await (await dashboardOf(queue).get('api=failures')).json()
    assert.equal(
      groups.reduce((sum, { count }) => sum + count, 0),
      8,
    )
  })
})
