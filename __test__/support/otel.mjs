/** OpenTelemetry with an SDK that keeps what it is told. */
import { context } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { AggregationTemporality, InMemoryMetricExporter, MeterProvider } from '@opentelemetry/sdk-metrics'
import { PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'

/** Contexts follow asynchronous work, as in every app with an SDK. There is one manager per process. */
export function installContexts() {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
}

export function sdk() {
  const spans = new InMemorySpanExporter()
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] })
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
  const meterProvider = new MeterProvider({ readers: [reader] })
  return {
    tracerProvider,
    meterProvider,
    tracer: tracerProvider.getTracer('app'),
    /** Spans that have ended, by name. */
    ended: () => spans.getFinishedSpans(),
    named: (name) => spans.getFinishedSpans().filter((span) => span.name === name),
    /** Each metric's points, by its name. */
    async metrics() {
      await meterProvider.forceFlush()
      const points = new Map()
      for (const { scopeMetrics } of exporter.getMetrics().slice(-1)) {
        for (const { metrics } of scopeMetrics) {
          for (const { descriptor, dataPoints } of metrics)
            points.set(descriptor.name, { unit: descriptor.unit, dataPoints })
        }
      }
      return points
    },
    async end() {
      await tracerProvider.shutdown()
      await meterProvider.shutdown()
    },
  }
}
