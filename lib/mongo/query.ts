/** Looks at jobs that change nothing. */
import type { JobQuery, JobRecord, QueueStats } from '../types'
import * as check from '../validate/backend'
import { normalizeQuery } from '../validate/query'
import { encodeFilter } from './bson/filter'
import { decodeRecord } from './bson/job-document'
import { toStats } from './native/replies'
import type { OpenCollection } from './open-collection'

export async function hasOutstanding(
  opened: OpenCollection,
  type: string,
  dedupeKey: string,
): Promise<boolean> {
  const where = 'hasOutstanding'
  const checked = check.checkType(where, type)
  const key = check.checkDedupeKey(where, dedupeKey)
  opened.refuseUnusable()
  return opened.engine.call((native) => native.hasOutstanding(checked, key))
}

export async function findOne(opened: OpenCollection, query: JobQuery): Promise<JobRecord<any> | null> {
  const filter = encodeFilter(normalizeQuery(query), opened.codec)
  opened.refuseUnusable()
  const found = await opened.engine.call((native) => native.findOne(filter))
  return found === null ? null : decodeRecord(found, opened.codec)
}

export async function getStats(opened: OpenCollection, type: string | undefined): Promise<QueueStats> {
  const checked = check.checkOptionalType('getStats', type) ?? null
  opened.refuseUnusable()
  return toStats(await opened.engine.call((native) => native.getStats(checked)))
}
