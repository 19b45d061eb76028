/** The journal's answer at a place: calls of an attempt against the records of the ones before. */
import { NondeterminismError } from '../base/orchestration-errors'
import { checkName } from '../journal/records'
import type { Journal } from '../journal/records'
import type { StepRecord } from '../types'
import { described, kindOf } from './ends'
import type { Place } from './host'

/** The record of this name and kind; null if there is none. @throws NondeterminismError */
export function recordAt(journal: Journal, place: Place, name: string, kind?: 'sleep'): StepRecord | null {
  const { jobId } = journal
  const record = journal.at(place.path, place.seq)
  if (record === null) {
    if (journal.hasBranch(pathWithin(place)))
      throw new NondeterminismError(jobId, place.seq, 'a branch', name)
    return null
  }
  checkName(jobId, record, name)
  if (record.kind !== kind)
    throw new NondeterminismError(jobId, place.seq, described(record), kindOf(name, kind))
  return record
}

/** A branch begins. @throws NondeterminismError if a step is recorded there */
export function checkBranchAt(journal: Journal, { path, seq }: Place, name: string): void {
  const record = journal.at(path, seq)
  if (record !== null) throw new NondeterminismError(journal.jobId, seq, described(record), `branch ${name}`)
}

/** The path of the steps in a branch at this place. */
export function pathWithin({ path, seq }: Place): string {
  return path === '' ? String(seq) : `${path}.${seq}`
}
