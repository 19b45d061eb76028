/** Spans and metrics of jobs, after the conventions for messaging. */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { SpanKind, SpanStatusCode, context, trace } from '@opentelemetry/api'
import { DeferJobError, DummyBackend, ImmediateBackend, JobQueue } from 'durabl'
import { openTelemetry } from 'durabl/otel'
import { deferred, settled } from '../../support/async.mjs'
import { recordingLogger } from '../../support/loggers.mjs'
import { installContexts, sdk } from '../../support/otel.mjs'

before(installContexts)

/** A queue that is followed, and what is told of it. */
function followed(t, { backend = new DummyBackend(), relation } = {}) {
  const told = sdk()
  const { tracerProvider, meterProvider } = told
  const logger = recordingLogger()
  const queue = new JobQueue(backend, logger, {
    telemetry: openTelemetry({ tracerProvider, meterProvider, ...(relation && { relation }) }),
  })
  t.after(async () => {
    await queue.shutdown(0)
    await told.end()
    assert.deepEqual(
      logger.at('warn').filter(({ message }) => message.startsWith('telemetry')),
      [],
    )
  })
  return { queue, backend, told }
}

const contextOf = (span) => [span.spanContext().traceId, span.spanContext().spanId]
const contextIn = ({ traceparent }) => traceparent.split('-').slice(1, 3)
const parentOf = (span) => span.parentSpanContext?.spanId ?? span.parentSpanId

describe('the span of a call that makes jobs', () => {
  it('is a producer’s, with the attributes of the conventions', async (t) => {
    const { queue, told, backend } = followed(t)
    const id = await queue.enqueue('mail', { secret: 's3cret' }, { dedupeKey: 'key-1' })
    const [span] = told.ended()
    assert.deepEqual([span.name, span.kind], ['enqueue mail', SpanKind.PRODUCER])
    assert.deepEqual(span.attributes, {
      'messaging.system': 'durabl',
      'messaging.operation.name': 'enqueue',
      'messaging.operation.type': 'send',
      'messaging.destination.name': 'mail',
      'messaging.message.id': id,
    })
    assert.doesNotMatch(JSON.stringify([span.attributes, span.events]), /s3cret|key-1/)
    assert.deepEqual(contextIn(backend.jobs[0].trace), contextOf(span))
  })

  it('belongs to the span in which the call was made', async (t) => {
    const { queue, told } = followed(t)
    const request = told.tracer.startSpan('request')
    await context.with(trace.setSpan(context.active(), request), () => queue.enqueue('mail', 1))
    request.end()
    const [span] = told.named('enqueue mail')
    assert.equal(parentOf(span), request.spanContext().spanId)
  })

  it('of many jobs says how many, and no id', async (t) => {
    const { queue, told, backend } = followed(t)
    await queue.enqueueMany([1, 2].map((data) => ({ type: 'mail', data })))
    await queue.enqueueMany([
      { type: 'mail', data: 1 },
      { type: 'sms', data: 2 },
    ])
    const [same, mixed] = told.ended()
    assert.deepEqual([same.name, mixed.name], ['enqueue mail', 'enqueue'])
    assert.deepEqual(
      [same, mixed].map(({ attributes }) => [
        attributes['messaging.batch.message_count'],
        attributes['messaging.destination.name'],
        attributes['messaging.message.id'],
      ]),
      [
        [2, 'mail', undefined],
        [2, undefined, undefined],
      ],
    )
    assert.deepEqual(
      backend.jobs.map((job) => contextIn(job.trace)),
      [same, same, mixed, mixed].map(contextOf),
    )
  })

  it('that fails says so by the error’s code', async (t) => {
    const { queue, told } = followed(t)
    await assert.rejects(queue.enqueue('mail', () => {}))
    const [span] = told.ended()
    assert.equal(span.status.code, SpanStatusCode.ERROR)
    assert.equal(span.attributes['error.type'], 'ERR_DURABL_PAYLOAD_NOT_ENCODABLE')
    const metrics = await told.metrics()
    const [{ attributes }] = metrics.get('messaging.client.operation.duration').dataPoints
    assert.equal(attributes['error.type'], 'ERR_DURABL_PAYLOAD_NOT_ENCODABLE')
    assert.ok(!metrics.has('messaging.client.sent.messages'))
  })

  it('keeps what vendors add', async (t) => {
    const { queue, told, backend } = followed(t)
    const { createTraceState } = await import('@opentelemetry/api')
    const outer = {
      traceId: 'a'.repeat(32),
      spanId: 'b'.repeat(16),
      traceFlags: 1,
      traceState: createTraceState('v=1,w=2'),
    }
    const within = trace.setSpanContext(context.active(), outer)
    await context.with(within, () => queue.enqueue('mail', 1))
    assert.equal(backend.jobs[0].trace.tracestate, 'v=1,w=2')
    queue.process('mail', () => {})
    await settled()
    const [{ links }] = told.named('process mail')
    assert.equal(links[0].context.traceState.serialize(), 'v=1,w=2')
  })
})

describe('the span of a run', () => {
  it('is a consumer’s of its own trace, and links to the producer', async (t) => {
    const { queue, told } = followed(t)
    queue.process('mail', () => {})
    const id = await queue.enqueue('mail', 1)
    await settled()
    const [made] = told.named('enqueue mail')
    const [span] = told.named('process mail')
    assert.equal(span.kind, SpanKind.CONSUMER)
    assert.deepEqual(span.attributes, {
      'messaging.system': 'durabl',
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.destination.name': 'mail',
      'messaging.message.id': id,
      'durabl.job.attempt': 1,
      'durabl.job.status': 'completed',
    })
    assert.equal(parentOf(span), undefined)
    assert.notEqual(span.spanContext().traceId, made.spanContext().traceId)
    assert.deepEqual(
      span.links.map((link) => [link.context.traceId, link.context.spanId]),
      [contextOf(made)],
    )
  })

  it('begins a trace also where the processor was made within a span', async (t) => {
    const { queue, told } = followed(t)
    const start = told.tracer.startSpan('start-up')
    context.with(trace.setSpan(context.active(), start), () => queue.process('mail', () => {}))
    await queue.enqueue('mail', 1)
    await settled()
    assert.equal(parentOf(told.named('process mail')[0]), undefined)
  })

  it('is the producer’s child if that is asked for', async (t) => {
    const { queue, told } = followed(t, { relation: 'parent' })
    queue.process('mail', () => {})
    await queue.enqueue('mail', 1)
    await settled()
    const [made] = told.named('enqueue mail')
    const [span] = told.named('process mail')
    assert.equal(parentOf(span), made.spanContext().spanId)
    assert.equal(span.spanContext().traceId, made.spanContext().traceId)
    assert.deepEqual(span.links, [])
  })

  it('is there for each attempt, and says why it failed', async (t) => {
    const { queue, told } = followed(t)
    queue.process('mail', ({ attempt }) => {
      if (attempt === 1) throw new TypeError('no such address')
    })
    await queue.enqueue('mail', 1, { backoffDelay: 0, backoffMaxDelay: 0 })
    while (told.named('process mail').length < 2) await settled()
    const [first, second] = told.named('process mail')
    assert.deepEqual(
      [first, second].map(({ attributes: a }) => [
        a['durabl.job.attempt'],
        a['durabl.job.status'],
        a['error.type'],
      ]),
      [
        [1, 'retry-scheduled', 'TypeError'],
        [2, 'completed', undefined],
      ],
    )
    assert.deepEqual(first.status, { code: SpanStatusCode.ERROR, message: 'no such address' })
    assert.equal(first.events[0].name, 'exception')
    assert.notEqual(first.spanContext().traceId, second.spanContext().traceId)
    assert.deepEqual(first.links[0].context, second.links[0].context)
  })

  it('of a job that is put off is no failure', async (t) => {
    const { queue, told } = followed(t)
    queue.process('mail', () => {
      throw new DeferJobError(60_000)
    })
    await queue.enqueue('mail', 1)
    await settled()
    const [{ attributes, status }] = told.named('process mail')
    assert.deepEqual([attributes['durabl.job.status'], status.code], ['released', SpanStatusCode.UNSET])
  })

  it('lasts as long as the handler, from its start: not while the job waits', async (t) => {
    const { queue, told } = followed(t)
    const first = deferred()
    queue.process('mail', ({ data }) => (data === 1 ? first.promise : undefined))
    await queue.enqueueMany([1, 2].map((data) => ({ type: 'mail', data })))
    await settled()
    assert.deepEqual(told.named('process mail'), [])
    first.resolve()
    await settled()
    const [one, two] = told.named('process mail')
    const nanos = ([seconds, rest]) => BigInt(seconds) * 1_000_000_000n + BigInt(rest)
    assert.ok(
      nanos(two.startTime) >= nanos(one.startTime) + nanos(one.duration) - 1_500_000n,
      'it waited without a span',
    )
  })

  it('is the current one in the handler, so that jobs it makes belong to it', async (t) => {
    const { queue, told } = followed(t)
    queue.process('outer', async () => {
      await settled()
      await queue.enqueue('inner', 1)
    })
    await queue.enqueue('outer', 1)
    while (told.named('process outer').length === 0) await settled()
    const [outer] = told.named('process outer')
    assert.equal(parentOf(told.named('enqueue inner')[0]), outer.spanContext().spanId)
  })

  it('is there for jobs that run inside of their enqueue, and for claimed ones', async (t) => {
    const inline = followed(t, { backend: new ImmediateBackend() })
    inline.queue.process('mail', () => {})
    await inline.queue.enqueue('mail', 1)
    assert.equal(inline.told.named('process mail')[0].links.length, 1)
    const { queue, told } = followed(t)
    const handle = await queue.claimOrEnqueue('mail', 1)
    await queue.runClaimed(handle, () => {})
    assert.deepEqual(
      told.named('process mail')[0].links[0].context.spanId,
      told.named('enqueue mail')[0].spanContext().spanId,
    )
  })

  it('of a job whose trace cannot be read has no link', async (t) => {
    const { queue, told, backend } = followed(t)
    await backend.enqueue('mail', 1)
    backend.jobs[0].trace = { traceparent: 'made by hand' }
    queue.process('mail', () => {})
    await settled()
    while (told.named('process mail').length === 0) await settled()
    assert.deepEqual(told.named('process mail')[0].links, [])
  })
})

describe('metrics', () => {
  it('are those of the conventions', async (t) => {
    const { queue, told } = followed(t)
    queue.process('mail', ({ data }) => {
      if (data === 3) throw new RangeError('three')
    })
    await queue.enqueueMany([1, 2].map((data) => ({ type: 'mail', data })))
    await queue.enqueue('mail', 3, { maxAttempts: 1 })
    await settled()
    const metrics = await told.metrics()
    const of = (name) =>
      metrics
        .get(name)
        .dataPoints.map(({ attributes, value }) => [attributes['error.type'], value.count ?? value])
    assert.deepEqual(of('messaging.client.operation.duration'), [[undefined, 2]])
    assert.deepEqual(of('messaging.client.sent.messages'), [[undefined, 3]])
    assert.deepEqual(of('messaging.client.consumed.messages'), [
      [undefined, 2],
      ['RangeError', 1],
    ])
    assert.deepEqual(of('messaging.process.duration'), [
      [undefined, 2],
      ['RangeError', 1],
    ])
    assert.equal(metrics.get('messaging.process.duration').unit, 's')
  })
})

describe('without an SDK', () => {
  it('jobs carry nothing', async () => {
    const backend = new DummyBackend()
    const queue = new JobQueue(backend, undefined, { telemetry: openTelemetry() })
    queue.process('mail', () => {})
    await queue.enqueue('mail', 1)
    await settled()
    assert.deepEqual([backend.jobs[0].status, backend.jobs[0].trace], ['completed', undefined])
    await queue.shutdown()
  })
})

describe('options', () => {
  it('that are malformed are refused by name', () => {
    for (const [options, says] of [
      [{ relation: 'child' }, /"relation"/],
      [{ tracerProvider: {} }, /"tracerProvider"/],
      [{ meterProvider: 7 }, /"meterProvider"/],
      [{ meter: 1 }, /"meter"/],
    ]) {
      assert.throws(() => openTelemetry(options), { code: 'ERR_DURABL_INVALID_ARGUMENT', message: says })
    }
  })
})
