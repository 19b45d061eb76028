/** Types for the compiler: an app's job types and their payloads. */
import type { EnqueueManyJob } from './produce.js'
import type { JobQueue } from './queue.js'

/**
 * Your job types and their payloads, for the whole program, by declaration merging. If you leave it empty, every name and every payload is
 * accepted.
 *
 * ```ts
 * declare module 'durabl' {
 *   interface JobTypes {
 *     'welcome-email': { userId: string }
 *   }
 * }
 * ```
 *
 * For a single queue, pass a map as its type argument: `new JobQueue<{ 'welcome-email': { userId: string } }>(…)`.
 */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- made to be merged into
export interface JobTypes {}

/** The names in a map of job types; `never` if the map is open, that is, empty or indexed by any string. */
export type MappedJobName<Jobs> = [keyof Jobs] extends [never]
  ? never
  : string extends keyof Jobs
    ? never
    : keyof Jobs & string

/** `string` if a map of job types is open, else `never`. With `never`, only a {@link MappedJobName} is accepted. */
export type OpenJobName<Jobs> = [MappedJobName<Jobs>] extends [never] ? string : never

/** The names in a map of job types whose payload is a `T`. So a call with the payload as its type argument accepts names of the map, too. */
export type JobNameWith<Jobs, T> = {
  [K in MappedJobName<Jobs>]: Jobs[K] extends T ? K : never
}[MappedJobName<Jobs>]

/** The jobs that {@link JobQueue.enqueueMany} accepts. With a map of job types, each has the payload of its type. */
export type ManyJobs<Jobs> = [MappedJobName<Jobs>] extends [never]
  ? EnqueueManyJob
  : {
      [K in MappedJobName<Jobs>]: EnqueueManyJob<Jobs[K]> & {
        /** The kind of work: a name in the map. */
        type: K
      }
    }[MappedJobName<Jobs>]
