/**
 * durabl/otel: traces and metrics of jobs through OpenTelemetry. Needs the package `@opentelemetry/api`, 1.4 or newer.
 *
 * @packageDocumentation
 */
import type { MeterProvider, TracerProvider } from '@opentelemetry/api'
import type { Telemetry } from './index.js'

/** Options of {@link openTelemetry}. */
export interface OpenTelemetryOptions {
  /**
   * The relation between the span of a run and the span of the call that made the job. Default `'link'`.
   *
   * - `link`: the run begins its own trace and links to that span. The conventions recommend it for jobs: if a job is retried for a week or
   *   makes further jobs, a single trace would have no end.
   * - `parent`: the run's span is a child of that span, so that request and job are one trace. For short jobs.
   */
  relation?: 'link' | 'parent' | undefined
  /** Makes the spans. Default: the globally registered provider, even if it is registered later. */
  tracerProvider?: TracerProvider | undefined
  /** Makes the metrics. Default: the globally registered provider, even if it is registered later. */
  meterProvider?: MeterProvider | undefined
}

/**
 * Makes an observer that follows a queue through OpenTelemetry, by its semantic conventions for messaging, version 1.44. Without an SDK it
 * does next to nothing.
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
 * | `enqueue {type}` | producer | each call that makes jobs; within a transaction, only if it commits |
 * | `process {type}` | consumer | each attempt, from the start of its handler to its end |
 *
 * | attribute | on |
 * |---|---|
 * | `messaging.system` | both, `durabl` |
 * | `messaging.operation.name`, `messaging.operation.type` | both: `enqueue`, `send`; `process`, `process` |
 * | `messaging.destination.name` | both: the type; absent for an `enqueueMany` of several types |
 * | `messaging.message.id` | both: the job's id; absent for `enqueueMany`, and if no job was made |
 * | `messaging.batch.message_count` | `enqueueMany`: the number of jobs passed to it |
 * | `durabl.job.attempt`, `durabl.job.status` | `process`: the number of the attempt, and the fate of the job |
 * | `error.type` | on failures: the `code` of durabl's errors, the name of others |
 *
 * Metrics: `messaging.client.operation.duration`, `messaging.client.sent.messages`, `messaging.client.consumed.messages` and
 * `messaging.process.duration`. Spans and metrics contain no payloads and no dedupe keys. Spans contain the messages of errors.
 *
 * @throws TypeError if an option is malformed
 */
export function openTelemetry(options?: OpenTelemetryOptions): Telemetry
