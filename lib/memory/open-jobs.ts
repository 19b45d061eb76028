import type { StoredJob } from './stored-job'

/** The jobs that have not ended, by type and by dedupe key, in order of creation. Claims and dedupe look through them. */
export class OpenJobs {
  private readonly byType = new Map<string, Set<StoredJob>>()
  private readonly byKey = new Map<string, Set<StoredJob>>()

  add(stored: StoredJob): void {
    addTo(this.byType, stored.job.type, stored)
    if (stored.job.dedupeKey !== undefined) addTo(this.byKey, stored.job.dedupeKey, stored)
  }

  remove(stored: StoredJob): void {
    removeFrom(this.byType, stored.job.type, stored)
    if (stored.job.dedupeKey !== undefined) removeFrom(this.byKey, stored.job.dedupeKey, stored)
  }

  clear(): void {
    this.byType.clear()
    this.byKey.clear()
  }

  ofType(type: string): Iterable<StoredJob> {
    return this.byType.get(type) ?? []
  }

  ofKey(dedupeKey: string): Iterable<StoredJob> {
    return this.byKey.get(dedupeKey) ?? []
  }

  *all(): Generator<StoredJob> {
    for (const jobs of this.byType.values()) yield* jobs
  }
}

function addTo(index: Map<string, Set<StoredJob>>, name: string, stored: StoredJob): void {
  const jobs = index.get(name)
  if (jobs === undefined) index.set(name, new Set([stored]))
  else jobs.add(stored)
}

function removeFrom(index: Map<string, Set<StoredJob>>, name: string, stored: StoredJob): void {
  const jobs = index.get(name)
  jobs?.delete(stored)
  if (jobs?.size === 0) index.delete(name)
}
