/** Traces of a job: the span of the request that makes it, and the span of its run, which links to it. No server is needed. */
import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { DummyBackend, JobQueue } from 'durabl'
import { openTelemetry } from 'durabl/otel'

// Most apps have this from `@opentelemetry/sdk-node`.
const spans = new InMemorySpanExporter()
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }))
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())

const queue = new JobQueue(new DummyBackend(), undefined, { telemetry: openTelemetry() })
queue.process('welcome-email', async (job) => console.log(`hello ${job.data.name}`))

await trace.getTracer('shop').startActiveSpan('POST /users', async (request) => {
  await queue.enqueue('welcome-email', { name: 'Ada' })
  request.end()
})
await queue.shutdown()

for (const span of spans.getFinishedSpans()) {
  const [link] = span.links
  const belongsTo = link ? `, linked to span ${link.context.spanId} of trace ${link.context.traceId}` : ''
  const { traceId, spanId } = span.spanContext()
  console.log(`${span.name}: span ${spanId} of trace ${traceId}${belongsTo}`)
}
