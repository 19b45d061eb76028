/** Journals of orchestrations, in memory: rules over the stored jobs, in the engine's words. */
import { JournalTooLarge } from '../base/orchestration-errors'
import { byPlace, checkName } from '../journal/records'
import { copyOfResult, encodeResult, sizeOfResult } from '../journal/result'
import type { AppendStepResult, RecordedJob, StepRecord } from '../types'

/** Bytes of BSON that a record takes beside its name and its result, about. */
const RECORD_BYTES = 48

/** Bytes that a record takes more if it only names its result. */
const SPILLED_BYTES = 24

/** Bounds of a journal. */
interface JournalBounds {
  readonly limitBytes: number
  /** Large results don't count. */
  readonly spills: boolean
}

/** Bounds of spilling, in bytes, as in `engine/src/verbs/journal/drafted.rs`, which tells their reasons. */
const ALWAYS_FROM = 16 * 1024
const MOST_ON_THE_JOB = 256 * 1024
const NEVER_BELOW = 256

/** True if a result stands beside the job. */
function isSpilled(bytes: number, journalBytes: number): boolean {
  return bytes > ALWAYS_FROM || (bytes > NEVER_BELOW && journalBytes > MOST_ON_THE_JOB)
}

/** The journal of a job, by ascending place. */
export function stepsOf(job: RecordedJob | null): StepRecord[] {
  return (job?.steps ?? []).map(copyOf).sort(byPlace)
}

/** Adds a record, while the job is active under this token, and renews its lease. */
export function appendStep(
  job: RecordedJob | null,
  token: string,
  record: StepRecord,
  now: number,
  { limitBytes, spills }: JournalBounds,
): AppendStepResult {
  if (job === null || !isHeld(job, token)) return { status: 'lease-lost' }
  const steps = job.steps ?? []
  const existing = steps.find(({ seq, path }) => seq === record.seq && path === record.path)
  if (existing !== undefined) {
    checkName(job.id, existing, record.name)
    return { status: 'already-recorded', existing: copyOf(existing) }
  }
  const stored: StepRecord = { ...record, result: resultOf(record), ts: new Date(now) }
  const ownBytes = Buffer.byteLength(record.name) + RECORD_BYTES
  const bytes = sizeOfResult(record.name, stored.result) + ownBytes
  const before = job.journalBytes ?? 0
  const journalBytes =
    before + (spills && isSpilled(bytes, before + bytes) ? ownBytes + SPILLED_BYTES : bytes)
  if (journalBytes > limitBytes) throw new JournalTooLarge(record.name, journalBytes)
  job.steps = [...steps, copyOf(stored)]
  job.journalBytes = journalBytes
  job.claimedAt = new Date(now)
  return { status: 'appended' }
}

/** A failure has none. */
function resultOf({ name, result, error }: StepRecord): unknown {
  return error === undefined && result === undefined ? encodeResult(name, result) : (result ?? null)
}

function isHeld(job: RecordedJob, token: string): boolean {
  return job.status === 'active' && job.claimToken === token
}

/** True if a job may be completed though it has failed: a sweep failed it, as its attempts were used up. */
export function isGivenUp(job: RecordedJob, token: string): boolean {
  const { ending, cancelRequestedAt } = job as { ending?: unknown; cancelRequestedAt?: unknown }
  return (
    job.status === 'failed' &&
    job.claimToken === token &&
    (ending === undefined || ending === 'exhausted') &&
    cancelRequestedAt === undefined
  )
}

/** Completes such a job. */
export function completeGivenUp(job: RecordedJob, now: number): void {
  job.status = 'completed'
  job.completedAt = new Date(now)
  delete job.failReason
  delete job.failedAt
  delete (job as { ending?: unknown }).ending
}

function copyOf(record: StepRecord): StepRecord {
  return { ...record, result: copyOfResult(record.result), ts: new Date(record.ts) }
}
