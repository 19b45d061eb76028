/** The job types of an app, with their payloads, for the compiler. */
import type { EnqueueManyJob } from './produce.js'
import type { JobQueue } from './queue.js'

/**
 * Your job types and their payloads, for the whole program, by declaration merging. Left empty, every name and every
 * payload is accepted.
 *
 * ```ts
 * declare module 'durabl' {
 *   interface JobTypes {
 *     'welcome-email': { userId: string }
 *   }
 * }
 * ```
 *
 * For a single queue, pass a map as its type argument instead: `new JobQueue<{ 'welcome-email': { userId: string } }>(…)`.
 */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- made to be merged into
export interface JobTypes {}

/** The names in a map of job types; `never` when the map is open (empty, or indexed by any string). */
export type MappedJobName<Jobs> = [keyof Jobs] extends [never]
  ? never
  : string extends keyof Jobs
    ? never
    : keyof Jobs & string

/** `string` when a map of job types is open, else `never`: then only {@link MappedJobName} will do. */
export type OpenJobName<Jobs> = [MappedJobName<Jobs>] extends [never] ? string : never

/** The jobs that {@link JobQueue.enqueueMany} takes: with a map of job types, each with the payload of its type. */
export type ManyJobs<Jobs> = [MappedJobName<Jobs>] extends [never]
  ? EnqueueManyJob
  : {
      [K in MappedJobName<Jobs>]: EnqueueManyJob<Jobs[K]> & {
        /** The kind of work, one of the map. */
        type: K
      }
    }[MappedJobName<Jobs>]
