/** The journals of orchestrations. */
import type { ClientSession } from 'mongodb'
import { JournalTooLarge, NonSerializableStepResult } from '../base/orchestration-errors'
import { reasonOf } from '../base/reason'
import { byPlace, checkName } from '../journal/records'
import { encodeResult, sizeOfResult } from '../journal/result'
import type {
  AppendStepOptions,
  AppendStepResult,
  CompleteClaimedResult,
  HeartbeatClaimedResult,
  StepFailure,
  StepRecord,
} from '../types'
import { sessionOfCompletion } from '../validate/session'
import * as check from '../validate/backend'
import { checkRecord, checkSpill, checkToken } from '../validate/journal'
import type { Codec } from './bson/codec'
import { MAX_PAYLOAD_BYTES } from './bson/payload'
import type { NativeAppended, NativeStep } from './native/addon'
import type { OpenCollection } from './open-collection'

export async function readSteps(opened: OpenCollection, jobId: string): Promise<StepRecord[]> {
  const id = check.checkJobId('readSteps', jobId)
  opened.refuseUnusable()
  const steps = await opened.engine.call((native) => native.readSteps(id))
  return steps.map((step) => decodeStep(step, opened.codec)).sort(byPlace)
}

export async function appendStep(
  opened: OpenCollection,
  jobId: string,
  claimToken: string,
  record: StepRecord,
  options: AppendStepOptions | undefined,
): Promise<AppendStepResult> {
  const where = 'appendStep'
  const id = check.checkJobId(where, jobId)
  const token = checkToken(where, claimToken)
  const checked = checkRecord(where, record)
  const session = sessionOfCompletion(where, options)
  const maySpill = checkSpill(where, options)
  opened.refuseUnusable()
  let value: Uint8Array
  try {
    value = encodeValue(checked, opened.codec)
  } catch (refusal) {
    // If the job is not the caller's, or the step is recorded, that alone is the answer.
    const step = nativeStep(checked, EMPTY)
    const found = await opened.engine.call((native) => native.lookAtStep(id, token, step))
    if (found === null) throw refusal
    return resultOf(found, id, checked.name, opened.codec)
  }
  const limit = opened.settings.journalSoftLimitBytes
  const step = nativeStep(checked, value)
  if (session !== null) return appendIn(session, opened, id, token, step, maySpill)
  const appended = await opened.engine.append({ jobId: id, claimToken: token, step, limit, maySpill })
  return resultOf(appended, id, checked.name, opened.codec)
}

/** As the last write of a transaction in progress. If it does not apply, the transaction is to be aborted. */
async function appendIn(
  session: ClientSession,
  opened: OpenCollection,
  id: string,
  token: string,
  step: NativeStep,
  maySpill: boolean,
): Promise<AppendStepResult> {
  const limit = opened.settings.journalSoftLimitBytes
  const planned = await opened.engine.call((native) => native.planAppend(id, token, step, limit, maySpill))
  let isApplied: boolean
  try {
    isApplied = await opened.sessions.update('appendStep', planned, session)
  } catch (error) {
    throw isTooLarge(error) ? new JournalTooLarge(step.name, step.value.byteLength) : error
  }
  if (isApplied) return { status: 'appended' }
  const found = await opened.engine.call((native) => native.lookAtStep(id, token, step))
  // Its place is free and the job its own: only its size can have been in the way.
  if (found === null) throw new JournalTooLarge(step.name, step.value.byteLength)
  return resultOf(found, id, step.name, opened.codec)
}

/** With these the server says that the job's document would be too large. */
const TOO_LARGE: ReadonlySet<unknown> = new Set([10_334, 17_419, 17_420])

function isTooLarge(error: unknown): boolean {
  return TOO_LARGE.has((error as { code?: unknown } | null)?.code)
}

export async function completeClaimed(
  opened: OpenCollection,
  jobId: string,
  claimToken: string,
): Promise<CompleteClaimedResult> {
  const { id, token } = claimOf(opened, 'completeClaimed', jobId, claimToken)
  const isCompleted = await opened.engine.call((native) => native.completeClaimed(id, token))
  return isCompleted ? 'completed' : 'lease-lost'
}

export async function heartbeatClaimed(
  opened: OpenCollection,
  jobId: string,
  claimToken: string,
): Promise<HeartbeatClaimedResult> {
  const { id, token } = claimOf(opened, 'heartbeatClaimed', jobId, claimToken)
  const found = await opened.engine.call((native) => native.heartbeat(id, token))
  return found === 'applied' ? 'heartbeated' : 'lease-lost'
}

/** The arguments that name a claim, checked, on a backend that can be used. */
function claimOf(opened: OpenCollection, where: string, jobId: string, claimToken: string) {
  const claim = { id: check.checkJobId(where, jobId), token: checkToken(where, claimToken) }
  opened.refuseUnusable()
  return claim
}

const EMPTY = Buffer.from([5, 0, 0, 0, 0])

function nativeStep({ seq, name, path, kind }: StepRecord, value: Uint8Array): NativeStep {
  return { seq, name, path: path ?? null, kind: kind ?? null, value: toBytes(value), tsMs: 0 }
}

function toBytes(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** @throws NonSerializableStepResult, JournalTooLarge */
function encodeValue({ name, result, error }: StepRecord, codec: Codec): Uint8Array {
  const value =
    error !== undefined ? { error } : { result: result === undefined ? encodeResult(name, result) : result }
  // Before anything is encoded: the library writes into a buffer of a fixed size.
  const bytes = sizeOfResult(name, error ?? value.result)
  if (bytes > MAX_PAYLOAD_BYTES) throw new JournalTooLarge(name, bytes)
  try {
    return codec.bson.serialize(value, codec.writing)
  } catch (failure) {
    throw new NonSerializableStepResult(name, `<result> can't be encoded: ${reasonOf(failure)}`)
  }
}

/** Own fields are the engine's; only the result is read as the app reads its collections. */
function decodeStep({ seq, name, path, kind, value, tsMs }: NativeStep, codec: Codec): StepRecord {
  const { result, error } = codec.bson.deserialize(value, codec.reading)
  const record: StepRecord = { seq, name, result, ts: new Date(tsMs) }
  if (path !== null) record.path = path
  if (kind === 'sleep' || kind === 'retry') record.kind = kind
  if (error !== undefined) record.error = error as StepFailure
  return record
}

function resultOf(
  { status, existing, bytes }: NativeAppended,
  jobId: string,
  name: string,
  codec: Codec,
): AppendStepResult {
  switch (status) {
    case 'appended':
    case 'lease-lost':
      return { status }
    case 'already-recorded': {
      const record = decodeStep(existing!, codec)
      checkName(jobId, record, name)
      return { status, existing: record }
    }
    case 'too-large':
      throw new JournalTooLarge(name, bytes ?? 0)
  }
}
