/** Parts of a queue by which its telemetry follows jobs. */
import type { RunHandler } from '../run/setup'
import type {
  EnqueueDetailedResult,
  EnqueueManyJob,
  EnqueueManyResult,
  EnqueueOptions,
  JobHandler,
  JobTrace,
  MakingCall,
} from '../types'
import type { NewJob } from '../validate'

/** A call, in the form that telemetry gets. */
export function callOf(operation: MakingCall['operation'], jobs: readonly NewJob[]): MakingCall {
  const first = jobs[0]?.type ?? null
  const type = jobs.every((job) => job.type === first) ? first : null
  return { operation, type, count: jobs.length }
}

/** The job with the trace of its call, unless it has one of its own. */
export function traced(job: NewJob, trace: JobTrace | null): NewJob {
  return trace === null || job.trace !== null ? job : Object.freeze({ ...job, trace })
}

/** The same of the app's own options, for backends that get those. */
export function tracedOptions(
  options: EnqueueOptions | null | undefined,
  trace: JobTrace | null,
): EnqueueOptions | undefined {
  return trace === null || options?.trace !== undefined ? (options ?? undefined) : { ...options, trace }
}

export function tracedMany(
  jobs: readonly EnqueueManyJob[],
  trace: JobTrace | null,
): readonly EnqueueManyJob[] {
  return Array.from(jobs, (job) => ({ ...job, options: tracedOptions(job.options, trace) }))
}

export const idsOfOne = (id: string | null | undefined): string[] => (id == null ? [] : [id])

type Made = EnqueueManyResult | EnqueueDetailedResult

export const idsOfMany = (results: readonly Made[]): string[] =>
  results.flatMap((result) => (result.status === 'created' ? [result.id] : []))

/** A handler that runs within the observer of its run, if there is one. */
export function followedHandler(handler: JobHandler<any>): RunHandler {
  return (job, context, followed) =>
    followed === undefined ? handler(job, context) : followed.run(() => handler(job, context))
}
