/** The options of a queue. */
import type { JobChangeListener, JobEventListener } from './events.js'
import type { EnqueueDefaults } from './produce.js'
import type { JobQueue } from './queue.js'
import type { Telemetry } from './telemetry.js'

/** Options of a {@link JobQueue}. */
export interface JobQueueOptions {
  /** The duration of a lease that is not renewed, in milliseconds. Default 300000 (5 minutes). */
  visibilityTimeoutMs?: number | undefined
  /** Receives an event for every claim, settlement and recovery of this queue. */
  onJobEvent?: JobEventListener | undefined
  /**
   * Receives the changes that calls of this queue make to jobs: created, not created because of a key or id, deferred, cancelled, run again. Without
   * a listener, the queue collects none of this.
   */
  onJobChange?: JobChangeListener | undefined
  /**
   * Defaults for job options that a call leaves out: `types` for single types, and `all` for every type. An option of a call wins over that of
   * its type, which wins over that of all.
   *
   * ```ts
   * new JobQueue(backend, undefined, { defaults: { all: { maxAttempts: 5 }, types: { mail: { backoffDelay: 30_000 } } } })
   * ```
   */
  defaults?:
    | {
        /** Defaults for every type. */
        all?: EnqueueDefaults | undefined
        /** Defaults for single types, by name; only own properties count. */
        types?: Record<string, EnqueueDefaults> | undefined
      }
    | undefined
  /**
   * Observes the calls of this queue that make jobs, and the runs of its handlers, for traces and metrics. For
   * {@link https://opentelemetry.io | OpenTelemetry}, use `openTelemetry()` of `durabl/otel`. Default: none, at no cost.
   *
   * ```ts
   * import { openTelemetry } from 'durabl/otel'
   *
   * const queue = new JobQueue(backend, undefined, { telemetry: openTelemetry() })
   * ```
   */
  telemetry?: Telemetry | undefined
  /** Whether this queue recovers jobs of dead workers while it has processors. Default true. */
  autoRecover?: boolean | undefined
}
