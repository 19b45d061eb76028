/** Jobs to be created. */
import type { ClientSession } from 'mongodb'
import { unlessFailed } from '../backend/enqueue-many'
import type { EnqueueManyJob, EnqueueManyOptions, EnqueueManyResult, EnqueueOptions } from '../types'
import { normalizeEnqueue, normalizeEnqueueMany, sessionOfMany } from '../validate/enqueue'
import type { NewJob } from '../validate/enqueue'
import { encodePayload } from './bson/payload'
import type { NativeNewJob } from './native/addon'
import type { OpenCollection } from './open-collection'

export async function enqueue(
  opened: OpenCollection,
  type: string,
  data: unknown,
  options: EnqueueOptions | undefined,
): Promise<string | null> {
  return enqueueChecked(opened, normalizeEnqueue('enqueue', type, options), data)
}

export async function enqueueChecked(
  opened: OpenCollection,
  settings: NewJob,
  data: unknown,
): Promise<string | null> {
  const job = newJob(opened, 'enqueue', settings, data)
  if (settings.session === null) return opened.engine.enqueue(job)
  const [result] = await opened.sessions.enqueue('enqueue', [job], settings.session)
  return result?.status === 'created' ? result.id : null
}

export async function enqueueMany(
  opened: OpenCollection,
  jobs: readonly EnqueueManyJob[],
  options: EnqueueManyOptions | undefined,
): Promise<EnqueueManyResult[]> {
  const settings = normalizeEnqueueMany('enqueueMany', jobs)
  return enqueueManyChecked(opened, settings, jobs, sessionOfMany('enqueueMany', options))
}

export async function enqueueManyChecked(
  opened: OpenCollection,
  settings: readonly NewJob[],
  jobs: readonly EnqueueManyJob[],
  session: ClientSession | null,
): Promise<EnqueueManyResult[]> {
  const newJobs = settings.map((job, index) =>
    withPayload(opened, `enqueueMany: jobs[${index}]`, job, jobs[index]!.data),
  )
  opened.refuseUnusable()
  if (session !== null) return opened.sessions.enqueue('enqueueMany', newJobs, session)
  return unlessFailed(await opened.engine.enqueueMany(newJobs))
}

/** A job as the engine takes it. */
export function newJob(opened: OpenCollection, where: string, settings: NewJob, data: unknown): NativeNewJob {
  const job = withPayload(opened, where, settings, data)
  opened.refuseUnusable()
  return job
}

function withPayload(opened: OpenCollection, where: string, settings: NewJob, data: unknown): NativeNewJob {
  const { dedupeKey } = settings
  const payload = encodePayload(where, data, opened.codec)
  if (dedupeKey !== null) opened.reminder.keyUsed()
  return { settings, dedupeKey, payload }
}
