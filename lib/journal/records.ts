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

/** The journal of a job as an attempt has found it. */
export class Journal {
  private readonly records = new Map<string, StepRecord>()
  private readonly paths = new Set<string>()

  /** @throws DurablError `ERR_DURABL_JOURNAL_DAMAGED` if two records have one place */
  constructor(
    readonly jobId: string,
    records: readonly StepRecord[],
  ) {
    for (const record of records) {
      const place = placeOf(record.path ?? '', record.seq)
      if (this.records.has(place)) throw damaged(jobId, `two records have the place ${record.seq}`)
      this.records.set(place, record)
      if (record.path !== undefined) this.paths.add(record.path)
    }
  }

  get size(): number {
    return this.records.size
  }

  at(path: string, seq: number): StepRecord | null {
    return this.records.get(placeOf(path, seq)) ?? null
  }

  /** True if steps are recorded of a branch, or of one within it. */
  hasBranch(path: string): boolean {
    if (this.paths.has(path)) return true
    for (const known of this.paths) if (known.startsWith(`${path}.`)) return true
    return false
  }
}

function placeOf(path: string, seq: number): string {
  return `${path}:${seq}`
}

export function damaged(jobId: string, why: string): DurablError {
  return new DurablError('ERR_DURABL_JOURNAL_DAMAGED', `the journal of job ${jobId} is damaged: ${why}`)
}
