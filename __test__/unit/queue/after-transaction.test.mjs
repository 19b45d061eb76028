import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { afterTransaction } from '../../../dist/backend/after-transaction.js'
import { deferred } from '../../support/async.mjs'
import { letPass } from '../../support/time.mjs'

/** The code under test keeps no process alive. */
let alive
before(() => (alive = setInterval(() => {}, 1000)))
after(() => clearInterval(alive))

/** As far as anybody looks at one. */
class Session {
  isActive = true
  looks = 0

  inTransaction() {
    this.looks += 1
    return this.isActive
  }
}

test('every listener is told once when the transaction is over, and not before', async () => {
  const session = new Session()
  const told = []
  const last = deferred()
  afterTransaction(session, (elapsedMs) => told.push(['first', elapsedMs]))
  afterTransaction(session, (elapsedMs) => last.resolve(told.push(['second', elapsedMs])))
  while (session.looks < 5) await new Promise(setImmediate)
  assert.deepEqual(told, [])
  session.isActive = false
  await last.promise
  assert.deepEqual(
    told.map(([name]) => name),
    ['first', 'second'],
  )
  assert.ok(told[0][1] > 0 && told[1][1] > 0)
  const { looks } = session
  await letPass(60, 'it would be looked at again')
  assert.equal(session.looks, looks)
})

test('a transaction that is followed by another one at once is over all the same', async () => {
  const session = new Session()
  session.transaction = { number: 1 }
  const told = []
  const [first, second] = [deferred(), deferred()]
  afterTransaction(session, () => first.resolve(told.push('first')))
  // As sessions do it: no look comes in between.
  session.transaction = { number: 2 }
  afterTransaction(session, () => second.resolve(told.push('second')))
  await first.promise
  assert.deepEqual(told, ['first'])
  session.transaction = { number: 3 }
  await second.promise
  assert.deepEqual(told, ['first', 'second'])
})

test('a listener that is told may begin the next transaction, and wait for that', async () => {
  const session = new Session()
  const second = deferred()
  afterTransaction(session, () => {
    session.isActive = true
    afterTransaction(session, second.resolve)
    setImmediate(() => (session.isActive = false))
  })
  session.isActive = false
  await second.promise
})
