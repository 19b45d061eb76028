/** Jobs to be created. */
import type { ClientSession } from 'mongodb'
import { created, unlessFailed, unlessFailedDetailed } from '../backend/enqueue-many'
import type {
  EnqueueDetailedResult,
  EnqueueManyJob,
  EnqueueManyOptions,
  EnqueueManyResult,
  EnqueueOptions,
  JobTrace,
} from '../types'
import { detailed, normalizeEnqueue, normalizeEnqueueMany, sessionOfMany } from '../validate/enqueue'
import type { NewJob } from '../validate/enqueue'
import { encodePayload } from './bson/payload'
import type { NativeNewJob } from './native/addon'
import type { Made } from './native/engine-handle'
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
  if (settings.session === null) return (await opened.engine.enqueue(job)).id
  const [result] = await opened.sessions.enqueue('enqueue', [job], settings.session)
  return result?.status === 'created' ? result.id : null
}

export async function enqueueDetailed(
  opened: OpenCollection,
  type: string,
  data: unknown,
  options: EnqueueOptions | undefined,
): Promise<EnqueueDetailedResult> {
  const settings = detailed(normalizeEnqueue('enqueueDetailed', type, options))
  return enqueueDetailedChecked(opened, settings, data)
}

export async function enqueueDetailedChecked(
  opened: OpenCollection,
  settings: NewJob,
  data: unknown,
): Promise<EnqueueDetailedResult> {
  const job = newJob(opened, 'enqueueDetailed', settings, data)
  if (settings.session === null) return detail(await opened.engine.enqueue(job))
  const [result] = await opened.sessions.enqueue('enqueueDetailed', [job], settings.session)
  return result!
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
  const newJobs = manyNewJobs(opened, settings, jobs)
  if (session !== null)
    return (await opened.sessions.enqueue('enqueueMany', newJobs, session)).map(({ status, id }) =>
      created(status === 'created' ? id : null),
    )
  return unlessFailed(await opened.engine.enqueueMany(newJobs, ({ id }) => created(id)))
}

export async function enqueueManyDetailed(
  opened: OpenCollection,
  jobs: readonly EnqueueManyJob[],
  options: EnqueueManyOptions | undefined,
): Promise<EnqueueDetailedResult[]> {
  const settings = normalizeEnqueueMany('enqueueManyDetailed', jobs).map(detailed)
  return enqueueManyDetailedChecked(opened, settings, jobs, sessionOfMany('enqueueManyDetailed', options))
}

export async function enqueueManyDetailedChecked(
  opened: OpenCollection,
  settings: readonly NewJob[],
  jobs: readonly EnqueueManyJob[],
  session: ClientSession | null,
): Promise<EnqueueDetailedResult[]> {
  const newJobs = manyNewJobs(opened, settings, jobs)
  if (session !== null) return opened.sessions.enqueue('enqueueMany', newJobs, session)
  return unlessFailedDetailed(await opened.engine.enqueueMany(newJobs, detail))
}

function manyNewJobs(
  opened: OpenCollection,
  settings: readonly NewJob[],
  jobs: readonly EnqueueManyJob[],
): NativeNewJob[] {
  const newJobs = settings.map((job, index) =>
    withPayload(opened, `enqueueMany: jobs[${index}]`, job, jobs[index]!.data),
  )
  opened.refuseUnusable()
  return newJobs
}

function detail({ id, holder }: Made): EnqueueDetailedResult {
  if (id !== null) return { status: 'created', id }
  return { status: holder?.isCoalesced === true ? 'coalesced' : 'duplicate', id: holder?.id ?? null }
}

/** A job as the engine takes it. */
export function newJob(opened: OpenCollection, where: string, settings: NewJob, data: unknown): NativeNewJob {
  const job = withPayload(opened, where, settings, data)
  opened.refuseUnusable()
  return job
}

function withPayload(opened: OpenCollection, where: string, settings: NewJob, data: unknown): NativeNewJob {
  const { id, dedupeKey, trace } = settings
  const payload = encodePayload(where, data, opened.codec)
  if (dedupeKey !== null) opened.reminder.keyUsed()
  return { settings, id, dedupeKey, trace: trace === null ? null : inOneLine(trace), payload }
}

/** As the engine takes it. */
function inOneLine({ traceparent, tracestate }: JobTrace): string {
  return tracestate === undefined ? traceparent : `${traceparent}\n${tracestate}`
}
