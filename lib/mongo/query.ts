/** Looks at jobs that change nothing. */
import type { JobDetail, JobEnd, JobPage, JobQuery, JobRecord, ListJobsOptions, QueueStats } from '../types'
import * as check from '../validate/backend'
import { checkEndIds, normalizeListJobs } from '../validate/looking'
import { normalizeQuery } from '../validate/query'
import { encodeFilter } from './bson/filter'
import { decodeDetail, decodeEnd, decodeSummary } from './bson/job-detail'
import { decodeRecord } from './bson/job-document'
import { splitDocuments } from './bson/split-documents'
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
  const filter = encodeFilter('findOne', normalizeQuery(query), opened.codec)
  opened.refuseUnusable()
  const found = await opened.engine.call((native) => native.findOne(filter))
  return found === null ? null : decodeRecord(found, opened.codec)
}

export async function getStats(opened: OpenCollection, type: string | undefined): Promise<QueueStats> {
  const checked = check.checkOptionalType('getStats', type) ?? null
  opened.refuseUnusable()
  return toStats(await opened.engine.call((native) => native.getStats(checked)))
}

export async function getJob(opened: OpenCollection, id: string): Promise<JobDetail<any> | null> {
  const checked = check.checkJobId('getJob', id)
  opened.refuseUnusable()
  const found = await opened.engine.call((native) => native.getJob(checked))
  return found === null ? null : decodeDetail(found, opened.codec)
}

export async function listJobs(opened: OpenCollection, options: ListJobsOptions): Promise<JobPage> {
  const where = 'listJobs'
  const { status, types, dedupeKey, conditions, limit, after } = normalizeListJobs(where, options)
  const filter = {
    status,
    types: [...types],
    dedupeKey,
    conditions: encodeFilter(where, conditions, opened.codec),
  }
  opened.refuseUnusable()
  const page = await opened.engine.call((native) =>
    native.listJobs(filter, limit, after === null ? null : Buffer.from(after, 'base64url')),
  )
  return {
    jobs: splitDocuments(page.documents).map((job) => decodeSummary(job, opened.codec)),
    next: page.next === null ? null : page.next.toString('base64url'),
    looked: page.looked,
    status: page.isComplete ? 'complete' : 'stopped',
  }
}

export async function ends(opened: OpenCollection, ids: readonly string[]): Promise<JobEnd[]> {
  const checked = [...checkEndIds(ids)]
  opened.refuseUnusable()
  const found = await opened.engine.call((native) => native.ends(checked))
  return splitDocuments(found).map((job) => decodeEnd(job, opened.codec))
}
