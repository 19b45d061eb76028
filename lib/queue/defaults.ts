import type { EnqueueManyJob, EnqueueOptions } from '../types'
import { isRecord } from '../validate'
import type { DefaultSettings } from '../validate'

/** Options of enqueuing that apply where a call gives none: by type, and for all types. */
export class Defaults {
  constructor(private readonly settings: DefaultSettings) {}

  /** The options of a call, the defaults filled in. The check that follows refuses a value that is no set of options. */
  for(type: unknown, options: EnqueueOptions | undefined): EnqueueOptions | undefined {
    const { all, types } = this.settings
    const ofType = typeof type === 'string' ? types.get(type) : undefined
    if (ofType === undefined && all === null) return options
    if (options != null && !isRecord(options)) return options
    const merged: Record<string, unknown> = { ...all, ...ofType }
    // An option that is undefined is absent.
    for (const [name, value] of Object.entries(options ?? {})) if (value !== undefined) merged[name] = value
    return merged
  }

  forMany(jobs: readonly EnqueueManyJob[]): readonly EnqueueManyJob[] {
    if (!Array.isArray(jobs)) return jobs
    return Array.from(jobs as unknown[], (job) =>
      isRecord(job)
        ? { ...job, options: this.for(job.type, job.options as EnqueueOptions | undefined) }
        : job,
    ) as EnqueueManyJob[]
  }
}
