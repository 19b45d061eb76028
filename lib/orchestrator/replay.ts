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
    const within = pathWithin(place)
    if (journal.hasBranch(within)) throw new NondeterminismError(jobId, place.seq, 'a branch', name)
    const failed = journal.failedAt(within)
    if (failed !== null && (failed.name !== name || kind !== undefined))
      throw new NondeterminismError(jobId, place.seq, failed.name, kindOf(name, kind))
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
  const found = record === null ? journal.failedAt(pathWithin({ path, seq }))?.name : described(record)
  if (found !== undefined) throw new NondeterminismError(journal.jobId, seq, found, `branch ${name}`)
}

/** The path of the steps in a branch at this place. */
export function pathWithin({ path, seq }: Place): string {
  return path === '' ? String(seq) : `${path}.${seq}`
}
