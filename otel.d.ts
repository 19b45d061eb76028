/**
 * durabl/otel: traces and metrics of jobs by OpenTelemetry. It needs the package `@opentelemetry/api`, 1.4 or newer.
 *
 * @packageDocumentation
 */
import type { MeterProvider, TracerProvider } from '@opentelemetry/api'
import type { Telemetry } from './index.js'

/** Options of {@link openTelemetry}. */
export interface OpenTelemetryOptions {
  /**
   * The relation between the span of a run and the one of the call that made the job.
   *
   * - `link`: it begins a trace of its own and links to that span, as the conventions ask of jobs: a job that is retried for a week, or that makes
   *   others, would make one trace without an end.
   * - `parent`: it is a child of that span, so that request and job are one trace. For short jobs.
   *
   * Default `'link'`.
   */
  relation?: 'link' | 'parent' | undefined
  /** Makes the spans. Default: the one that is registered globally, also if that happens later. */
  tracerProvider?: TracerProvider | undefined
  /** Makes the metrics. Default: the one that is registered globally, also if that happens later. */
  meterProvider?: MeterProvider | undefined
}

/**
 * Follows a queue by OpenTelemetry, after its semantic conventions for messaging, version 1.44. Without an SDK it does next to nothing.
 *
 * ```ts
 * import { JobQueue } from 'durabl'
 * import { openTelemetry } from 'durabl/otel'
 *
 * const queue = new JobQueue(backend, undefined, { telemetry: openTelemetry() })
 * ```
 *
 * | span | kind | when |
 * |---|---|---|
 * | `enqueue {type}` | producer | each call that makes jobs; one that is in a transaction only if that commits |
 * | `process {type}` | consumer | each attempt, from the start of its handler to its end |
 *
 * | attribute | on |
 * |---|---|
 * | `messaging.system` | both, `durabl` |
 * | `messaging.operation.name`, `messaging.operation.type` | both: `enqueue`, `send`; `process`, `process` |
 * | `messaging.destination.name` | both, the type; absent for an `enqueueMany` of several types |
 * | `messaging.message.id` | both, the job's id; absent for `enqueueMany` and where no job was made |
 * | `messaging.batch.message_count` | `enqueueMany`, how many jobs it was given |
 * | `durabl.job.attempt`, `durabl.job.status` | `process`: which attempt it is, and what became of the job |
 * | `error.type` | on failures: the `code` of durabl's errors, the name of others |
 *
 * Metrics: `messaging.client.operation.duration`, `messaging.client.sent.messages`, `messaging.client.consumed.messages` and
 * `messaging.process.duration`. Payloads and dedupe keys are in none of them; the messages of errors are on the spans.
 *
 * @throws TypeError if an option is malformed
 */
export function openTelemetry(options?: OpenTelemetryOptions): Telemetry
