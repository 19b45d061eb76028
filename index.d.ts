/// <reference lib="esnext.disposable" />
/**
 * durabl: a durable job queue on the MongoDB that an app already has.
 *
 * - {@link JobQueue} is the class that an app talks to: it validates arguments, runs handlers and settles jobs.
 * - A backend ({@link IJobQueueBackend}) stores the jobs: {@link MongoJobQueue} in production,
 *   {@link DummyBackend} and {@link ImmediateBackend} in tests, or one of your own.
 *
 * All times are milliseconds unless a name says otherwise. An absent value is `undefined`, or its property is missing.
 *
 * @packageDocumentation
 */
export * from './types/job.js'
export * from './types/job-types.js'
export * from './types/produce.js'
export * from './types/work.js'
export * from './types/claims.js'
export * from './types/transact.js'
export * from './types/driver.js'
export * from './types/query.js'
export * from './types/control.js'
export * from './types/fleet.js'
export * from './types/metrics.js'
export * from './types/journal.js'
export * from './types/orchestration.js'
export * from './types/orchestration-errors.js'
export * from './types/schedules.js'
export * from './types/admin.js'
export * from './types/events.js'
export * from './types/queue-options.js'
export * from './types/queue.js'
export * from './types/telemetry.js'
export * from './types/backend.js'
export * from './types/mongo.js'
export * from './types/memory.js'
export * from './types/compat.js'
export * from './types/logging.js'
export * from './types/errors.js'
