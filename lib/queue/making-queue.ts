import type { ClientSession } from 'mongodb'
import { afterTransaction } from '../backend/after-transaction'
import { dueInMs, soonestOfTypes } from '../backend/enqueue-many'
import { transactionsOf } from '../backend/calls'
import * as checkedBackend from '../backend/checked'
import { hasCommitted, transactionOf } from '../backend/session-state'
import type {
  EnqueueDetailedResult,
  EnqueueManyDetailedOptions,
  EnqueueManyJob,
  EnqueueManyOptions,
  EnqueueManyResult,
  EnqueueOptions,
} from '../types'
import { normalizeEnqueue, normalizeEnqueueMany, normalizeMany } from '../validate'
import type { NewJob } from '../validate'
import { callOf, idsOfMany, idsOfOne, traced, tracedMany, tracedOptions } from './following'
import { SchedulingQueue } from './scheduling-queue'

/** The fate of a job, as far as events and wake-ups need it. */
interface Made {
  readonly status: 'created' | 'duplicate' | 'coalesced'
  readonly id?: string | null
}

/** Calls that make jobs. */
export abstract class MakingQueue extends SchedulingQueue {
  async enqueue<T>(type: string, data: T, options?: EnqueueOptions): Promise<string | null> {
    this.assertNotClosed()
    const merged = this.withDefaults(type, options)
    const job = normalizeEnqueue('enqueue', type, merged)
    if (job.session !== null) transactionsOf('enqueue', this.backend)
    const { backend, telemetry } = this
    const id = await (telemetry === null
      ? checkedBackend.enqueue(backend, job, data, merged)
      : telemetry.making(
          callOf('enqueue', [job]),
          job.session,
          (trace) => checkedBackend.enqueue(backend, traced(job, trace), data, tracedOptions(merged, trace)),
          idsOfOne,
        ))
    this.made([job], id == null ? NOT_MADE : [{ status: 'created', id }], job.session)
    return id ?? null
  }

  async enqueueDetailed<T>(type: string, data: T, options?: EnqueueOptions): Promise<EnqueueDetailedResult> {
    this.assertNotClosed()
    const merged = this.withDefaults(type, options)
    const job = normalizeEnqueue('enqueueDetailed', type, merged)
    if (job.session !== null) transactionsOf('enqueueDetailed', this.backend)
    const { backend, telemetry } = this
    const result = await (telemetry === null
      ? checkedBackend.enqueueDetailed(backend, job, data, merged)
      : telemetry.making(
          callOf('enqueueDetailed', [job]),
          job.session,
          (trace) =>
            checkedBackend.enqueueDetailed(backend, traced(job, trace), data, tracedOptions(merged, trace)),
          (made) => idsOfMany([made]),
        ))
    this.made([job], [result], job.session)
    return result
  }

  enqueueMany(
    jobs: readonly EnqueueManyJob[],
    options: EnqueueManyDetailedOptions,
  ): Promise<EnqueueDetailedResult[]>
  enqueueMany(jobs: readonly EnqueueManyJob[], options?: EnqueueManyOptions): Promise<EnqueueManyResult[]>
  async enqueueMany(
    jobs: readonly EnqueueManyJob[],
    options?: EnqueueManyOptions | EnqueueManyDetailedOptions,
  ): Promise<EnqueueManyResult[] | EnqueueDetailedResult[]> {
    this.assertNotClosed()
    const merged = this.defaults === null ? jobs : this.defaults.forMany(jobs)
    const settings = normalizeEnqueueMany('enqueueMany', merged)
    const { session, detailed } = normalizeMany('enqueueMany', options)
    if (session !== null) transactionsOf('enqueueMany', this.backend)
    const make = detailed ? checkedBackend.enqueueManyDetailed : checkedBackend.enqueueMany
    const { backend, telemetry } = this
    const results: EnqueueManyResult[] | EnqueueDetailedResult[] = await (telemetry === null
      ? make(backend, settings, merged, session)
      : telemetry.making<EnqueueManyResult[] | EnqueueDetailedResult[]>(
          callOf('enqueueMany', settings),
          session,
          (trace) =>
            make(
              backend,
              settings.map((job) => traced(job, trace)),
              tracedMany(merged, trace),
              session,
            ),
          idsOfMany,
        ))
    this.made(settings, results, session)
    return results
  }

  /** Wakes workers for the jobs that were made, and reports them: in a transaction once that is over. */
  private made(jobs: readonly NewJob[], results: readonly Made[], session: ClientSession | null): void {
    if (session === null) {
      this.wakeFor(jobs, results)
      if (this.report.change !== null) this.tell(jobs, results)
      return
    }
    this.wakeAfter(session, soonestOfTypes(jobs, results))
    if (this.report.change === null) return
    const transaction = transactionOf(session)
    afterTransaction(session, () => {
      if (hasCommitted(transaction)) this.tell(jobs, results)
    })
  }

  private wakeFor(jobs: readonly NewJob[], results: readonly Made[]): void {
    if (jobs.length === 1) {
      if (results[0]!.status === 'created') this.driver.wake(jobs[0]!.type, dueInMs(jobs[0]!))
      return
    }
    for (const [type, delayMs] of soonestOfTypes(jobs, results)) this.driver.wake(type, delayMs)
  }

  private tell(jobs: readonly NewJob[], results: readonly Made[]): void {
    for (const [index, { type }] of jobs.entries()) {
      const { status, id } = results[index]!
      if (status === 'created') this.report.change?.({ kind: 'enqueued', type, jobId: id! })
      else this.report.change?.({ kind: 'deduplicated', type, jobId: id ?? null })
    }
  }
}

const NOT_MADE: readonly Made[] = [{ status: 'duplicate' }]
