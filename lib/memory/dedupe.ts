import type { DedupeScope } from '../types'
import type { OpenJobs } from './open-jobs'
import type { StoredJob } from './stored-job'

/** The jobs under one key and scope. The scopes do not see each other, as each has unique indexes of its own. */
export interface Holders {
  readonly pending: StoredJob | null
  readonly active: StoredJob | null
}

export function holdersOf(open: OpenJobs, dedupeKey: string, scope: DedupeScope): Holders {
  let pending: StoredJob | null = null
  let active: StoredJob | null = null
  for (const stored of open.ofKey(dedupeKey)) {
    if (stored.job.dedupeScope !== scope) continue
    if (stored.job.status === 'pending') pending ??= stored
    if (stored.job.status === 'active') active ??= stored
  }
  return { pending, active }
}

/** The job that leaves the key no room for one more pending job; null if there is room. */
export function holderOf(open: OpenJobs, dedupeKey: string, scope: DedupeScope): StoredJob | null {
  const { pending, active } = holdersOf(open, dedupeKey, scope)
  return pending ?? (scope === 'pending+active' ? active : null)
}

/** True if another job of this one's key is active, so that this one has to wait. */
export function isBehindActive(open: OpenJobs, { job }: StoredJob): boolean {
  if (job.dedupeKey === undefined || job.dedupeScope !== 'pending') return false
  return holdersOf(open, job.dedupeKey, 'pending').active !== null
}

/** True if another job of this one's key is pending, and will do its work. */
export function hasFollower(open: OpenJobs, stored: StoredJob): boolean {
  const { dedupeKey, dedupeScope } = stored.job
  if (dedupeKey === undefined || dedupeScope !== 'pending') return false
  const { pending } = holdersOf(open, dedupeKey, 'pending')
  return pending !== null && pending !== stored
}
