/** Conversion of a span to the context that a job carries, and back, by W3C Trace Context. */
import { TraceFlags, createTraceState, isSpanContextValid } from '@opentelemetry/api'
import type { SpanContext } from '@opentelemetry/api'
import type { JobTrace } from '../types'

/** Null if there is nothing to carry, as without an SDK. */
export function traceOf(context: SpanContext): JobTrace | null {
  if (!isSpanContextValid(context)) return null
  const { traceId, spanId, traceFlags, traceState } = context
  const flags = (traceFlags & 0xff).toString(16).padStart(2, '0')
  const traceparent = `00-${traceId}-${spanId}-${flags}`
  const tracestate = traceState?.serialize()
  return tracestate === undefined || tracestate === '' ? { traceparent } : { traceparent, tracestate }
}

/** Null if it can't be read: any program may have written it. */
export function contextOf(trace: JobTrace | undefined): SpanContext | null {
  if (trace === undefined) return null
  const { traceparent, tracestate } = trace
  const [, traceId = '', spanId = '', flags = ''] = traceparent.split('-')
  const context: SpanContext = {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED,
    isRemote: true,
    ...(tracestate !== undefined && { traceState: createTraceState(tracestate) }),
  }
  return isSpanContextValid(context) ? context : null
}
