/** The frequency at which progress is written, and the fate of the values in between. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RunProgress } from '../../../dist/run/progress.js'
import { deferred } from '../../support/async.mjs'

/** A progress whose writes are as long as `take` says; what was written, and when. */
function progressing(t, take = () => Promise.resolve()) {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 0 })
  const [written, losses] = [[], []]
  const write = (value) => {
    written.push([Date.now(), value])
    return take(value)
  }
  return { progress: new RunProgress(write, (err) => losses.push(err)), written, losses }
}

const microtasks = async () => {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
}

/** Lets time pass in steps, as timers that follow each other need. */
async function pass(t, ms) {
  for (let passed = 0; passed < ms; passed += 50) {
    t.mock.timers.tick(50)
    await microtasks()
  }
}

test('two values a second are written, each time the newest', async (t) => {
  const { progress, written } = progressing(t)
  for (let number = 0; number < 60; number += 1) {
    progress.set(number)
    await pass(t, 50)
  }
  assert.deepEqual(
    written.map(([at]) => at),
    [0, 500, 1000, 1500, 2000, 2500, 3000],
  )
  assert.deepEqual(
    written.slice(0, 3).map(([, value]) => value),
    [0, 9, 19],
  )
})

test('the last value is written when the run ends, behind the write before it', async (t) => {
  const first = deferred()
  const { progress, written } = progressing(t, (value) => (value === 1 ? first.promise : Promise.resolve()))
  progress.set(1)
  for (const value of [2, 3]) progress.set(value)
  const flushed = progress.flushed()
  await microtasks()
  assert.deepEqual(written, [[0, 1]])
  first.resolve()
  await flushed
  assert.deepEqual(written, [
    [0, 1],
    [0, 3],
  ])
  assert.equal(progress.flushed(), null)
})

test('nothing is written while a transaction is open, and the newest value after it', async (t) => {
  const { progress, written } = progressing(t)
  progress.hold()
  progress.set(1)
  progress.set(2)
  await pass(t, 1000)
  assert.deepEqual(written, [])
  progress.release()
  await microtasks()
  assert.deepEqual(written, [[1000, 2]])
})

test('a row of values that cannot be written is reported once', async (t) => {
  let isAway = true
  const { progress, losses } = progressing(t, async () => {
    if (isAway) throw new Error('away')
  })
  for (let number = 0; number < 3; number += 1) {
    progress.set(number)
    await pass(t, 500)
  }
  assert.equal(losses.length, 1)
  isAway = false
  progress.set(3)
  await pass(t, 500)
  isAway = true
  progress.set(4)
  await pass(t, 500)
  assert.equal(losses.length, 2)
})

test('a write without an answer holds up the end of the run for two seconds at most', async (t) => {
  const { progress, losses } = progressing(t, () => new Promise(() => {}))
  progress.set(1)
  let isOver = false
  void progress.flushed().then(() => (isOver = true))
  await pass(t, 1950)
  assert.equal(isOver, false)
  await pass(t, 100)
  assert.equal(isOver, true)
  assert.equal(losses[0].code, 'ERR_DURABL_TIMEOUT')
})

test('nothing is written by itself once the handler has ended', async (t) => {
  const { progress, written } = progressing(t)
  progress.set(1)
  progress.set(2)
  progress.end()
  await pass(t, 2000)
  assert.deepEqual(written, [[0, 1]])
})

test('a flush is over when the last value is written', async (t) => {
  const last = deferred()
  const { progress } = progressing(t, (value) => (value === 2 ? last.promise : Promise.resolve()))
  progress.set(1)
  progress.set(2)
  let isOver = false
  void progress.flushed().then(() => (isOver = true))
  await microtasks()
  assert.equal(isOver, false)
  last.resolve()
  await microtasks()
  assert.equal(isOver, true)
})

test('a flush with a limit gives up then', async (t) => {
  const { progress, losses } = progressing(t, () => new Promise(() => {}))
  progress.set(1)
  let isOver = false
  void progress.flushed(150).then(() => (isOver = true))
  await pass(t, 100)
  assert.equal(isOver, false)
  await pass(t, 50)
  assert.equal(isOver, true)
  assert.equal(losses.length, 1)
})

test('a flush writes nothing while a transaction is open', async (t) => {
  const { progress, written } = progressing(t)
  progress.hold()
  progress.set(1)
  await progress.flushed()
  assert.deepEqual(written, [])
})

test('half a second passes after a flush, too, before the next value', async (t) => {
  const { progress, written } = progressing(t)
  progress.set(1)
  await pass(t, 400)
  progress.set(2)
  await progress.flushed()
  progress.set(3)
  await pass(t, 600)
  assert.deepEqual(written, [
    [0, 1],
    [400, 2],
    [900, 3],
  ])
})

test('a value that came during a slow write is written when that ends', async (t) => {
  const slow = deferred()
  const { progress, written } = progressing(t, (value) => (value === 1 ? slow.promise : Promise.resolve()))
  progress.set(1)
  await pass(t, 800)
  progress.set(2)
  slow.resolve()
  await microtasks()
  assert.deepEqual(written, [
    [0, 1],
    [800, 2],
  ])
})
