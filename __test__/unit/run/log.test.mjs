/** The lines of one run: in order, waited for, and never lost without a word. */
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { RunLog } from '../../../dist/run/log.js'

let written
let waiting
let losses

beforeEach((t) => {
  written = []
  waiting = []
  losses = []
  t.mock.timers.enable({ apis: ['setTimeout'] })
})

/** A log whose lines are written when the test says so. */
function slowLog(keepsOrder = false) {
  const write = (line) =>
    new Promise((resolve, reject) => {
      waiting.push({ resolve: () => (written.push(line), resolve()), reject })
    })
  return new RunLog(write, keepsOrder, (err) => losses.push(err))
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

/** Whether a promise is settled by now. */
async function isOver(promise) {
  let over = false
  promise.then(() => (over = true))
  await settled()
  return over
}

async function answer(how = 'resolve') {
  waiting.shift()[how](new Error('down'))
  await settled()
}

test('a flush goes on for as long as lines are being written', async (t) => {
  const log = slowLog()
  for (const line of ['one', 'two', 'three']) void log.add(line)
  const flush = log.flushed()
  for (let line = 0; line < 3; line += 1) {
    assert.equal(await isOver(flush), false)
    t.mock.timers.tick(9000)
    await answer()
  }
  assert.equal(await isOver(flush), true)
  assert.deepEqual([written, losses], [['one', 'two', 'three'], []])
})

test('a flush gives up on a backend that says nothing, and tells of it', async (t) => {
  const log = slowLog()
  void log.add('one')
  void log.add('two')
  const flush = log.flushed()
  t.mock.timers.tick(10_000)
  assert.equal(await isOver(flush), true)
  assert.equal(losses.length, 1)
  assert.match(losses[0].message, /not written in time: 2$/)
})

test('a flush with a limit gives up then, however busy the backend is', async (t) => {
  const log = slowLog()
  void log.add('one')
  const flush = log.flushed(150)
  t.mock.timers.tick(150)
  assert.equal(await isOver(flush), true)
  assert.equal(losses.length, 1)
})

test('a flush waits for no line that comes later', async () => {
  const log = slowLog(true)
  void log.add('one')
  const flush = log.flushed()
  void log.add('later')
  await answer()
  assert.equal(await isOver(flush), true)
})

test('a row of failed lines is reported once, and the next row again', async () => {
  const log = slowLog()
  for (const line of ['one', 'two', 'three', 'four']) void log.add(line)
  for (const how of ['reject', 'reject', 'resolve', 'reject']) await answer(how)
  assert.equal(losses.length, 2)
  assert.deepEqual(written, ['three'])
  assert.equal(log.flushed(), null)
})

test('a backend that keeps the order is given all lines at once, and any other one by one', () => {
  const [ordered, other] = [slowLog(true), slowLog(false)]
  for (const line of ['one', 'two']) void ordered.add(line)
  assert.equal(waiting.length, 2)
  for (const line of ['one', 'two']) void other.add(line)
  assert.equal(waiting.length, 3)
})

test('lines that are held twice are written once the hold is over, each of them', async () => {
  const log = slowLog(true)
  log.hold()
  void log.add('one')
  log.hold()
  void log.add('two')
  assert.equal(waiting.length, 0)
  log.release()
  for (let line = 0; line < 2; line += 1) await answer()
  assert.deepEqual(written, ['one', 'two'])
})

test('the limit of a flush is one for all its lines', async (t) => {
  const log = slowLog()
  for (const line of ['one', 'two', 'three', 'four', 'five']) void log.add(line)
  const flush = log.flushed(25_000)
  // A line in each 10 seconds, so that the backend is never silent.
  for (const ms of [9000, 1000, 9000, 1000, 4999]) {
    t.mock.timers.tick(ms)
    if (ms === 9000) await answer()
    assert.equal(await isOver(flush), false)
  }
  t.mock.timers.tick(1)
  assert.equal(await isOver(flush), true)
  assert.match(losses[0].message, /not written in time: 3$/)
})
