/**
 * Creates jobs from arguments that the queue has checked already.
 *
 * Methods of `MongoJobQueue` have twins, which take the checked arguments: so each call is checked once. A method that was overridden, replaced
 * by a spy or written by a user has no twin. It gets the app's own arguments.
 */
import type { ClientSession } from 'mongodb'
import type {
  EnqueueDetailedResult,
  EnqueueManyJob,
  EnqueueManyResult,
  EnqueueOptions,
  IJobQueueBackend,
  Job,
} from '../types'
import { detailed } from '../validate'
import type { NewJob } from '../validate'
import {
  detailedOf,
  enqueueMany as enqueueManyUnchecked,
  enqueueManyDetailed as enqueueManyDetailedUnchecked,
} from './enqueue-many'

/** The twins of one class. Each takes the backend that the method was called on. */
interface Twins<B> {
  enqueue(backend: B, job: NewJob, data: unknown): Promise<string | null>
  enqueueDetailed(backend: B, job: NewJob, data: unknown): Promise<EnqueueDetailedResult>
  claimOrEnqueue(backend: B, job: NewJob, data: unknown): Promise<Job<any> | null>
  enqueueMany(
    backend: B,
    settings: readonly NewJob[],
    jobs: readonly EnqueueManyJob[],
    session: ClientSession | null,
  ): Promise<EnqueueManyResult[]>
  enqueueManyDetailed(
    backend: B,
    settings: readonly NewJob[],
    jobs: readonly EnqueueManyJob[],
    session: ClientSession | null,
  ): Promise<EnqueueDetailedResult[]>
}

const NAMES = [
  'enqueue',
  'enqueueDetailed',
  'claimOrEnqueue',
  'enqueueMany',
  'enqueueManyDetailed',
] as const satisfies (keyof Twins<never>)[]

/** The key is the method, not the object it is called on: subclasses that don't override it, and proxies, share it. */
const TWINS = new WeakMap<object, Twins<any>>()

/** Registers the twins of a class's methods. */
export function checkedOnce<B extends IJobQueueBackend>(prototype: B, twins: Twins<B>): void {
  for (const name of NAMES) TWINS.set(Reflect.get(prototype, name) as object, twins)
}

function twinsOf(backend: IJobQueueBackend, name: keyof Twins<never>): Twins<IJobQueueBackend> | undefined {
  const method: unknown = Reflect.get(backend, name)
  return typeof method === 'function' ? TWINS.get(method) : undefined
}

/** @param job the checked form of `options` */
export function enqueue(
  backend: IJobQueueBackend,
  job: NewJob,
  data: unknown,
  options: EnqueueOptions | undefined,
): Promise<string | null> {
  const twins = twinsOf(backend, 'enqueue')
  return twins === undefined ? backend.enqueue(job.type, data, options) : twins.enqueue(backend, job, data)
}

/** As {@link enqueue}, with the id of the job in the way. */
export async function enqueueDetailed(
  backend: IJobQueueBackend,
  job: NewJob,
  data: unknown,
  options: EnqueueOptions | undefined,
): Promise<EnqueueDetailedResult> {
  const twins = twinsOf(backend, 'enqueueDetailed')
  return twins === undefined
    ? detailedOf('enqueueDetailed', backend)(job.type, data, options)
    : twins.enqueueDetailed(backend, detailed(job), data)
}

/** As {@link enqueue}. */
export function claimOrEnqueue<T>(
  backend: IJobQueueBackend,
  job: NewJob,
  data: T,
  options: EnqueueOptions | undefined,
): Promise<Job<T> | null> {
  const twins = twinsOf(backend, 'claimOrEnqueue')
  return twins === undefined
    ? backend.claimOrEnqueue(job.type, data, options)
    : twins.claimOrEnqueue(backend, job, data)
}

/** As {@link enqueue}. */
export function enqueueMany(
  backend: IJobQueueBackend,
  settings: readonly NewJob[],
  jobs: readonly EnqueueManyJob[],
  session: ClientSession | null,
): Promise<EnqueueManyResult[]> {
  const twins = twinsOf(backend, 'enqueueMany')
  return twins === undefined
    ? enqueueManyUnchecked(backend, jobs, session)
    : twins.enqueueMany(backend, settings, jobs, session)
}

/** As {@link enqueueDetailed}. */
export function enqueueManyDetailed(
  backend: IJobQueueBackend,
  settings: readonly NewJob[],
  jobs: readonly EnqueueManyJob[],
  session: ClientSession | null,
): Promise<EnqueueDetailedResult[]> {
  const twins = twinsOf(backend, 'enqueueManyDetailed')
  return twins === undefined
    ? enqueueManyDetailedUnchecked(backend, jobs, session)
    : twins.enqueueManyDetailed(backend, settings.map(detailed), jobs, session)
}
