/** The options of a queue. */
import type { JobChangeListener, JobEventListener } from './events.js'
import type { EnqueueDefaults } from './produce.js'
import type { JobQueue } from './queue.js'
import type { Telemetry } from './telemetry.js'

/** Options of a {@link JobQueue}. */
export interface JobQueueOptions {
  /** The life of a lease that is not renewed, in milliseconds. Default 300000 (5 minutes). */
  visibilityTimeoutMs?: number | undefined
  /** Told of every claim, settlement and recovery of this queue. */
  onJobEvent?: JobEventListener | undefined
  /**
   * Told of what calls of this queue do to jobs: made, not made for their key or id, put off, cancelled, run again. Without it nothing is
   * collected.
   */
  onJobChange?: JobChangeListener | undefined
  /**
   * Options of jobs where their calls don't say: `types` for single types, by its own properties, and `all` for every type. An option
   * of a call comes before that of its type, and this before that of all.
   *
   * ```ts
   * new JobQueue(backend, undefined, { defaults: { all: { maxAttempts: 5 }, types: { mail: { backoffDelay: 30_000 } } } })
   * ```
   */
  defaults?:
    | {
        /** For every type. */
        all?: EnqueueDefaults | undefined
        /** For single types, by their names. */
        types?: Record<string, EnqueueDefaults> | undefined
      }
    | undefined
  /**
   * Follows the calls of this queue that make jobs, and the runs of its handlers, as for traces: {@link https://opentelemetry.io | OpenTelemetry}'s come from
   * `openTelemetry()` of `durabl/otel`. Default: none, and then it costs nothing.
   *
   * ```ts
   * import { openTelemetry } from 'durabl/otel'
   *
   * const queue = new JobQueue(backend, undefined, { telemetry: openTelemetry() })
   * ```
   */
  telemetry?: Telemetry | undefined
  /** While this queue has processors, return jobs of dead workers to `pending`. Default true. */
  autoRecover?: boolean | undefined
}
