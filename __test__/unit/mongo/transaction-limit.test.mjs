/** The longest life of a transaction, asked of servers that answer, refuse and fall over. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MongoNetworkError, MongoServerError, MongoServerSelectionError } from 'mongodb'
import { TransactionLimit } from '../../../dist/mongo/transactions/limit.js'

const MINUTE = 60_000

/** A database whose server answers with what is in `replies`, one after the other: seconds, or an error. */
function server(replies) {
  let asked = 0
  const command = async (command) => {
    assert.deepEqual(command, { getParameter: 1, transactionLifetimeLimitSeconds: 1 })
    const reply = replies[asked]
    asked += 1
    if (reply instanceof Error) throw reply
    return { transactionLifetimeLimitSeconds: reply, ok: 1 }
  }
  return { db: { admin: () => ({ command }) }, asked: () => asked }
}

const refusal = (code) => new MongoServerError({ code, errmsg: 'no' })
const broken = () => new MongoNetworkError('connection closed')

test('is asked for once by many at the same moment, and again after a minute', async () => {
  let now = 0
  const limit = new TransactionLimit(() => now)
  const { db, asked } = server([2, 90])
  assert.deepEqual(await Promise.all([limit.ms(db), limit.ms(db)]), [2000, 2000])
  now = MINUTE - 1
  assert.equal(await limit.ms(db), 2000)
  assert.equal(asked(), 1)
  now = MINUTE
  assert.equal(await limit.ms(db), 90_000)
})

test('is the server’s default where the server will never tell', async () => {
  for (const code of [13, 59, 72, 115, 323, 8000]) {
    const { db, asked } = server([refusal(code)])
    assert.equal(await new TransactionLimit().ms(db), MINUTE, `code ${code}`)
    assert.equal(asked(), 1)
  }
})

test('is asked for once more where a connection breaks', async () => {
  const { db } = server([broken(), 2])
  assert.equal(await new TransactionLimit().ms(db), 2000)
})

test('is not guessed where the server can’t be asked, and is asked for again the next time', async () => {
  for (const mishap of [broken(), refusal(91), refusal(11_600)]) {
    const limit = new TransactionLimit()
    const { db } = server([mishap, mishap, 2])
    await assert.rejects(limit.ms(db), (error) => error === mishap)
    assert.equal(await limit.ms(db), 2000)
  }
})

test('is waited for once, and not twice, where no server is to be found', async () => {
  const nobody = new MongoServerSelectionError('nobody', { type: 'Unknown', servers: new Map() })
  const { db, asked } = server([nobody])
  await assert.rejects(new TransactionLimit().ms(db), (error) => error === nobody)
  assert.equal(asked(), 1)
})
