import type { OpenTelemetryOptions } from '../../otel'
import { readOptions } from '../validate/options'
import { objectWith, oneOf } from '../validate/rules'
import type { Rule } from '../validate/rules'

const RULES = {
  relation: oneOf<'link' | 'parent'>('link', 'parent'),
  tracerProvider: objectWith<NonNullable<OpenTelemetryOptions['tracerProvider']>>(
    'a TracerProvider',
    'getTracer',
  ),
  meterProvider: objectWith<NonNullable<OpenTelemetryOptions['meterProvider']>>(
    'a MeterProvider',
    'getMeter',
  ),
} satisfies Record<keyof OpenTelemetryOptions, Rule<unknown>>

export function normalizeOptions(options: unknown) {
  const read = readOptions('openTelemetry', options, RULES)
  return {
    relation: read.relation ?? 'link',
    tracerProvider: read.tracerProvider ?? null,
    meterProvider: read.meterProvider ?? null,
  }
}
