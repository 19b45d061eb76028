/** Step records in order, and by their places. */
import { DurablError } from '../base/errors'
import { NondeterminismError } from '../base/orchestration-errors'
import type { StepRecord } from '../types'

/** Numbers by place within a branch, and branches by their paths. */
export function byPlace(one: StepRecord, other: StepRecord): number {
  const [a, b] = [one.path ?? '', other.path ?? '']
  if (a !== b) return a < b ? -1 : 1
  return one.seq - other.seq
}

/** @throws NondeterminismError if a record is of another name than the one that is asked for */
export function checkName(jobId: string, recorded: StepRecord, name: string): void {
  if (recorded.name !== name) throw new NondeterminismError(jobId, recorded.seq, recorded.name, name)
}

/** A step whose tries have failed so far, and that waits for its next one. */
export interface FailedTries {
  readonly name: string
  readonly count: number
  /** The record of its last wait: the result is the end of it. */
  readonly record: StepRecord
}

/** The place of all records of waits. A process without support for them asks for no such place, and starts the tries anew. */
const RETRY_SEQ = -2

/** The place in a journal of a wait between two tries of a step. */
export function placeOfRetry(place: string, failed: number): { seq: number; path: string } {
  return { seq: RETRY_SEQ, path: `${place}.${failed}` }
}

/** The journal of a job as an attempt has found it. */
export class Journal {
  private readonly records = new Map<string, StepRecord>()
  private readonly retries = new Map<string, FailedTries>()
  private readonly paths = new Set<string>()

  /** @throws DurablError `ERR_DURABL_JOURNAL_DAMAGED` if two records have one place */
  constructor(
    readonly jobId: string,
    records: readonly StepRecord[],
  ) {
    for (const record of records) {
      if (record.kind === 'retry') {
        this.addRetry(record)
        continue
      }
      const place = placeOf(record.path ?? '', record.seq)
      if (this.records.has(place)) throw damaged(jobId, `two records have the place ${record.seq}`)
      this.records.set(place, record)
      if (record.path !== undefined) this.paths.add(record.path)
    }
  }

  at(path: string, seq: number): StepRecord | null {
    return this.records.get(placeOf(path, seq)) ?? null
  }

  /** The tries that have failed of the step at this place; null if none is recorded. */
  failedAt(place: string): FailedTries | null {
    return this.retries.get(place) ?? null
  }

  /** True if steps are recorded of a branch, or of one within it. */
  hasBranch(path: string): boolean {
    if (this.paths.has(path)) return true
    for (const known of this.paths) if (known.startsWith(`${path}.`)) return true
    return false
  }

  private addRetry(record: StepRecord): void {
    const path = record.path ?? ''
    const end = path.lastIndexOf('.')
    if (end < 0) throw damaged(this.jobId, `the wait of step ${JSON.stringify(record.name)} has no place`)
    const place = path.slice(0, end)
    const count = Number(path.slice(end + 1))
    if (count > (this.failedAt(place)?.count ?? 0))
      this.retries.set(place, { name: record.name, count, record })
  }
}

function placeOf(path: string, seq: number): string {
  return `${path}:${seq}`
}

export function damaged(jobId: string, why: string): DurablError {
  return new DurablError('ERR_DURABL_JOURNAL_DAMAGED', `the journal of job ${jobId} is damaged: ${why}`)
}
