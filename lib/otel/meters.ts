/** The metrics of the conventions for messaging. */
import { metrics } from '@opentelemetry/api'
import type { Attributes, Counter, Histogram, MeterProvider } from '@opentelemetry/api'
import { VERSION } from '../base/version'

/** In seconds; the conventions give them. */
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]

interface Instruments {
  readonly provider: MeterProvider
  readonly operations: Histogram
  readonly sent: Counter
  readonly consumed: Counter
  readonly runs: Histogram
}

export class Meters {
  private instruments: Instruments | null = null

  /** @param own null for the global one, which an app may register after its queue was made */
  constructor(private readonly own: MeterProvider | null) {}

  sent(attributes: Attributes, count: number, durationMs: number): void {
    const { operations, sent } = this.current()
    operations.record(durationMs / 1000, attributes)
    if (count > 0) sent.add(count, attributes)
  }

  processed(attributes: Attributes, durationMs: number): void {
    const { consumed, runs } = this.current()
    runs.record(durationMs / 1000, attributes)
    consumed.add(1, attributes)
  }

  private current(): Instruments {
    const provider = this.own ?? metrics.getMeterProvider()
    if (this.instruments?.provider !== provider) this.instruments = instrumentsOf(provider)
    return this.instruments
  }
}

function instrumentsOf(provider: MeterProvider): Instruments {
  const meter = provider.getMeter('durabl', VERSION)
  const advice = { explicitBucketBoundaries: BOUNDS }
  return {
    provider,
    operations: meter.createHistogram('messaging.client.operation.duration', {
      ...{ unit: 's', advice, description: 'Duration of calls that make jobs.' },
    }),
    sent: meter.createCounter('messaging.client.sent.messages', {
      ...{ unit: '{message}', description: 'Jobs that were made.' },
    }),
    consumed: meter.createCounter('messaging.client.consumed.messages', {
      ...{ unit: '{message}', description: 'Attempts whose handler was started.' },
    }),
    runs: meter.createHistogram('messaging.process.duration', {
      ...{ unit: 's', advice, description: 'Duration of handlers.' },
    }),
  }
}
