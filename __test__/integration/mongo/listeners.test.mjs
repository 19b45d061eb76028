/** Several listeners on one backend: each comes and goes for itself. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { jobs } from '../../support/jobs.mjs'
import { pollUntil } from '../../support/wait.mjs'
import { elsewhere } from '../../support/elsewhere.mjs'

/** A backend with an open stream, and another process to enqueue in. */
async function streaming(t) {
  const { config } = await jobs(t)
  const { backend } = await elsewhere(t, config, { useChangeStreams: true })
  const { backend: other } = await elsewhere(t, config)
  return { backend, other }
}

/** A listener that counts what it is told of a type. */
function ear() {
  const heard = new Map()
  const listener = (type) => heard.set(type, (heard.get(type) ?? 0) + 1)
  return { listener, of: (type) => heard.get(type) ?? 0 }
}

test('of two listeners one leaves, and the other still hears', async (t) => {
  const { backend, other } = await streaming(t)
  const [gone, staying] = [ear(), ear()]
  const leave = backend.onJobAvailable(gone.listener)
  backend.onJobAvailable(staying.listener)
  leave()
  // Once more is harmless, too.
  leave()
  await other.enqueue('mail', 1)
  await pollUntil('it is heard', () => staying.of('mail') > 0)
  assert.equal(gone.of('mail'), 0)
})

test('after all have left, a new listener hears again', async (t) => {
  const { backend, other } = await streaming(t)
  const leave = [1, 2].map(() => backend.onJobAvailable(() => assert.fail('it has left')))
  for (const one of leave) one()
  const late = ear()
  backend.onJobAvailable(late.listener)
  await other.enqueue('mail', 1)
  await pollUntil('it is heard', () => late.of('mail') > 0)
})

test('a function that listens twice is told twice, and leaves once at a time', async (t) => {
  const { backend, other } = await streaming(t)
  const [twice, once] = [ear(), ear()]
  const leave = backend.onJobAvailable(twice.listener)
  const leaveAgain = backend.onJobAvailable(twice.listener)
  // Told after the two: when it has heard, they have.
  backend.onJobAvailable(once.listener)
  const tell = async (type) => {
    await other.enqueue(type, 1)
    await pollUntil(`${type} is heard`, () => once.of(type) > 0)
    return twice.of(type) / once.of(type)
  }
  assert.equal(await tell('first'), 2)
  leave()
  leave()
  assert.equal(await tell('second'), 1)
  leaveAgain()
  assert.equal(await tell('third'), 0)
})

test('a function that listens to the state of the stream twice is told twice, and leaves once at a time', async (t) => {
  const { backend } = await streaming(t)
  const states = []
  const listener = (state) => states.push(state)
  const leave = backend.onStreamState(listener)
  for (let n = 0; n < 2; n += 1) backend.onStreamState(listener)
  leave()
  leave()
  await backend.shutdown(5000)
  assert.deepEqual(states, ['off', 'off'])
})
