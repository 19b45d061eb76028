/** Traces of jobs in MongoDB: on the document, through transactions, and of jobs that were claimed ahead. */
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { trace, context } from '@opentelemetry/api'
import { openTelemetry } from 'durabl/otel'
import { app, DRIVERS, WAYS } from '../../support/app.mjs'
import { installContexts, sdk } from '../../support/otel.mjs'
import { letPass } from '../../support/time.mjs'
import { pollUntil } from '../../support/wait.mjs'

before(installContexts)

class Undo extends Error {}

async function followed(t, options = {}) {
  const told = sdk()
  t.after(() => told.end())
  const { tracerProvider, meterProvider } = told
  const telemetry = openTelemetry({ tracerProvider, meterProvider })
  return { told, ...(await app(t, { ...options, queue: { telemetry } })) }
}

const whenNamed = (told, name, count = 1) =>
  pollUntil(`${count} spans ${name}`, () => told.named(name).length >= count && told.named(name))
const traceparentOf = (span) => {
  const { traceId, spanId } = span.spanContext()
  return `00-${traceId}-${spanId}-01`
}

for (const [way, options] of Object.entries(WAYS)) {
  describe(`traces, ${way}`, () => {
    test('go from the calls through documents to the runs', async (t) => {
      const { queue, told, stored } = await followed(t, options)
      const id = await queue.enqueue('mail', { n: 1 })
      const many = await queue.enqueueMany([2, 3].map((n) => ({ type: 'mail', data: { n } })))
      const [one, two] = await whenNamed(told, 'enqueue mail', 2)
      const ids = [id, ...many.map((made) => made.id)]
      const traces = await Promise.all(ids.map(async (each) => (await stored(each)).trace))
      assert.deepEqual(
        traces,
        [one, two, two].map((span) => ({ traceparent: traceparentOf(span) })),
      )
      queue.process('mail', () => {}, { concurrency: 3 })
      const runs = await whenNamed(told, 'process mail', 3)
      const linked = runs.map(({ attributes, links }) => [
        attributes['messaging.message.id'],
        links[0].context.spanId,
      ])
      assert.deepEqual(
        new Map(linked),
        new Map(ids.map((each, place) => [each, (place === 0 ? one : two).spanContext().spanId])),
      )
    })

    test('of a claim that is made at once are on its document', async (t) => {
      const { queue, told, stored } = await followed(t, options)
      const handle = await queue.claimOrEnqueue('mail', {}, { dedupeKey: 'k' })
      const [span] = await whenNamed(told, 'enqueue mail')
      assert.equal((await stored(handle.id)).trace.traceparent, traceparentOf(span))
      await queue.runClaimed(handle, () => {})
      assert.equal((await whenNamed(told, 'process mail'))[0].links.length, 1)
    })
  })
}

for (const [version, driver] of Object.entries(DRIVERS)) {
  test(`a call in a transaction has its span with the commit, and none after an abort (${version})`, async (t) => {
    const { queue, told, inTransaction, stored } = await followed(t, { driver })
    const undone = inTransaction(async (session) => {
      await queue.enqueue('undone', {}, { session })
      await queue.enqueueMany([{ type: 'undone', data: {} }], { session })
      throw new Undo()
    })
    await assert.rejects(undone, Undo)
    const id = await inTransaction(async (session) => {
      const made = await queue.enqueue('done', {}, { session })
      assert.deepEqual(told.ended(), [])
      return made
    })
    const [span] = await whenNamed(told, 'enqueue done')
    assert.equal((await stored(id)).trace.traceparent, traceparentOf(span))
    assert.equal(span.attributes['messaging.message.id'], id)
    // The transaction that came first is known to be over first.
    assert.deepEqual(
      told.ended().map(({ name }) => name),
      ['enqueue done'],
    )
  })
}

test('a job that was claimed ahead has its span when its handler starts', async (t) => {
  const { queue, told } = await followed(t)
  const ran = []
  await queue.enqueueMany(Array.from({ length: 40 }, (_, n) => ({ type: 'mail', data: { n } })))
  queue.process(
    'mail',
    async ({ claimedAt }) => {
      ran.push({ claimedAt, spanId: trace.getSpan(context.active()).spanContext().spanId })
      await letPass(10, 'the handler is at work, and others wait behind it')
    },
    { concurrency: 1, prefetch: 20 },
  )
  // They end when their verdicts are written, in any order.
  const ended = new Map(
    (await whenNamed(told, 'process mail', 40)).map((span) => [span.spanContext().spanId, span]),
  )
  const spans = ran.map(({ spanId }) => ended.get(spanId))
  assert.ok(spans.length === 40 && spans.every((span) => span !== undefined))
  const ms = ([seconds, nanos]) => seconds * 1e3 + nanos / 1e6
  const overlapping = spans.filter((span, n) => n > 0 && ms(span.startTime) < ms(spans[n - 1].endTime) - 5)
  assert.deepEqual(overlapping, [], 'one begins when the other has ended')
  const waited = spans.filter((span, n) => ms(span.startTime) - ran[n].claimedAt.getTime() > 9)
  assert.ok(waited.length > 0, 'some had been claimed ahead')
})
