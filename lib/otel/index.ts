/** The entry `durabl/otel`; documented in the public types. */
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, context, trace } from '@opentelemetry/api'
import type { Attributes, Context, Span, SpanOptions, Tracer } from '@opentelemetry/api'
import type { OpenTelemetryOptions } from '../../otel'
import { monotonicNow } from '../base/timers'
import { VERSION } from '../base/version'
import type { Job, MakingCall, MakingEnd, MakingObserver, RunEnd, RunObserver, Telemetry } from '../types'
import { contextOf, traceOf } from './context'
import { errorTypeOf } from './error-type'
import { Meters } from './meters'
import { normalizeOptions } from './options'

export function openTelemetry(options?: OpenTelemetryOptions): Telemetry {
  const { relation, tracerProvider, meterProvider } = normalizeOptions(options)
  // The global one stands for the one that is registered at the time of a span.
  const tracer = (tracerProvider ?? trace).getTracer('durabl', VERSION)
  const meters = new Meters(meterProvider)
  return {
    making: (call) => new Making(tracer, meters, call),
    running: (job) => new Running(tracer, meters, job, relation === 'parent'),
  }
}

/** Attributes that spans and metrics of one operation share. */
function attributesOf(name: string, operation: string, type: string | null): Attributes {
  const attributes: Attributes = {
    'messaging.system': 'durabl',
    'messaging.operation.name': name,
    'messaging.operation.type': operation,
  }
  if (type !== null) attributes['messaging.destination.name'] = type
  return attributes
}

/** Makes its span current: spans of the app's code there belong to it. */
abstract class Observer {
  private readonly startedAt = monotonicNow()

  protected constructor(protected readonly span: Span) {}

  run<R>(call: () => R): R {
    return context.with(trace.setSpan(context.active(), this.span), call)
  }

  /** The end is reported later than it comes, so its moment is counted from the beginning. */
  protected end(durationMs: number): void {
    this.span.end(this.startedAt + durationMs)
  }

  /** Says of the span that its work failed. */
  protected failed(error: unknown, errorType: string, reason: string | undefined): void {
    const message = error instanceof Error ? error.message : (reason ?? errorType)
    this.span.setAttribute('error.type', errorType)
    this.span.setStatus({ code: SpanStatusCode.ERROR, message })
    if (error !== undefined) this.span.recordException(error instanceof Error ? error : message)
  }
}

class Making extends Observer implements MakingObserver {
  readonly trace: MakingObserver['trace']

  constructor(
    tracer: Tracer,
    private readonly meters: Meters,
    private readonly call: MakingCall,
  ) {
    super(spanOfMaking(tracer, call))
    this.trace = traceOf(this.span.spanContext()) ?? undefined
  }

  ended({ ids, error, durationMs }: MakingEnd): void {
    const { span, call } = this
    const attributes = attributesOf('enqueue', 'send', call.type)
    if (call.operation !== 'enqueueMany' && ids.length === 1)
      span.setAttribute('messaging.message.id', ids[0]!)
    if (error !== undefined) {
      attributes['error.type'] = errorTypeOf(error)
      this.failed(error, errorTypeOf(error), undefined)
    }
    this.end(durationMs)
    this.meters.sent(attributes, ids.length, durationMs)
  }
}

function spanOfMaking(tracer: Tracer, { operation, type, count }: MakingCall): Span {
  const attributes = attributesOf('enqueue', 'send', type)
  if (operation === 'enqueueMany') attributes['messaging.batch.message_count'] = count
  return tracer.startSpan(type === null ? 'enqueue' : `enqueue ${type}`, {
    kind: SpanKind.PRODUCER,
    attributes,
  })
}

class Running extends Observer implements RunObserver {
  constructor(
    tracer: Tracer,
    private readonly meters: Meters,
    private readonly job: Job,
    isChild: boolean,
  ) {
    super(spanOfRun(tracer, job, isChild))
  }

  ended({ status, error, reason, durationMs }: RunEnd): void {
    const attributes = attributesOf('process', 'process', this.job.type)
    this.span.setAttribute('durabl.job.status', status)
    if (hasFailed(status, error)) {
      const errorType = error === undefined ? status : errorTypeOf(error)
      attributes['error.type'] = errorType
      this.failed(error, errorType, reason)
    }
    this.end(durationMs)
    this.meters.processed(attributes, durationMs)
  }
}

/** A run that has nothing to decide any more has failed as well: its work may be done again. */
function hasFailed(status: RunEnd['status'], error: unknown): boolean {
  return error !== undefined || (status !== 'completed' && status !== 'released')
}

function spanOfRun(tracer: Tracer, job: Job, isChild: boolean): Span {
  const attributes = attributesOf('process', 'process', job.type)
  attributes['messaging.message.id'] = job.id
  attributes['durabl.job.attempt'] = job.attempt
  const maker = contextOf(job.trace)
  const options: SpanOptions = { kind: SpanKind.CONSUMER, attributes, root: true }
  let parent: Context = ROOT_CONTEXT
  if (maker !== null && isChild) {
    parent = trace.setSpanContext(ROOT_CONTEXT, maker)
    options.root = false
  } else if (maker !== null) {
    options.links = [{ context: maker }]
  }
  return tracer.startSpan(`process ${job.type}`, options, parent)
}
