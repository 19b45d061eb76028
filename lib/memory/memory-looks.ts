import type {
  ActionQuery,
  ActionRecord,
  CancelRequest,
  HistoryQuery,
  JobDetail,
  JobEnd,
  JobPage,
  JobQuery,
  JobRecord,
  ListJobsOptions,
  QueueCounts,
  QueueHistory,
  QueueStats,
  WorkerInfo,
  StepRecord,
} from '../types'
import {
  checkCancelRequests,
  checkDedupeKey,
  checkEndIds,
  checkJobId,
  checkOptionalType,
  checkType,
  normalizeActions,
  normalizeHistory,
  normalizeListJobs,
  normalizeQuery,
  typeOfCounts,
} from '../validate'
import { memory } from './later'
import type { MemoryModel } from './model'

/** Questions to the reference model, with arguments checked, and answered in snapshots. Changes nothing. */
export abstract class MemoryLooks {
  /** @internal */
  protected abstract readonly model: MemoryModel
  private readonly looking = new (memory().Looking)(() => this.model.all())

  async cancelRequests(jobIds: readonly string[]): Promise<CancelRequest[]> {
    return this.model.cancelRequests(checkCancelRequests(jobIds))
  }

  async hasOutstanding(type: string, dedupeKey: string): Promise<boolean> {
    const where = 'hasOutstanding'
    return this.model.hasOutstanding(checkType(where, type), checkDedupeKey(where, dedupeKey))
  }

  async findOne<T>(query: JobQuery): Promise<JobRecord<T> | null> {
    const stored = this.model.findOne(normalizeQuery(query))
    return stored === null ? null : memory().record(stored)
  }

  async getStats(type?: string): Promise<QueueStats> {
    return this.model.stats(checkOptionalType('getStats', type))
  }

  async getJob<T = unknown>(id: string): Promise<JobDetail<T> | null> {
    const stored = this.model.byId(checkJobId('getJob', id))
    return stored === null ? null : memory().detailOf<T>(stored)
  }

  async listJobs(options: ListJobsOptions): Promise<JobPage> {
    return this.looking.list('listJobs', normalizeListJobs('listJobs', options))
  }

  async ends(ids: readonly string[]): Promise<JobEnd[]> {
    return checkEndIds(ids).flatMap((id) => {
      const stored = this.model.byId(id)
      return stored === null ? [] : [memory().endOf(stored)]
    })
  }

  async counts(options?: { type?: string | undefined }): Promise<QueueCounts> {
    return memory().countsOf(this.model, typeOfCounts(options))
  }

  /** There is no other process, and none that has to be heard of. */
  async listWorkers(): Promise<WorkerInfo[]> {
    return []
  }

  async history(query: HistoryQuery): Promise<QueueHistory> {
    return memory().historyIn(this.model, normalizeHistory(query))
  }

  async listActions(query?: ActionQuery): Promise<ActionRecord[]> {
    const { before, limit } = normalizeActions(query)
    return this.model.actions.list(before, limit)
  }

  async readSteps(jobId: string): Promise<StepRecord[]> {
    return memory().stepsOf(this.model.jobOf(checkJobId('readSteps', jobId)))
  }
}
