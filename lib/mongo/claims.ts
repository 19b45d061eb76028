/** Claims made by hand: taken, renewed and settled by their owner. */
import { asTold } from '../backend/verdict'
import { PayloadError } from '../base/errors'
import { reasonOf } from '../base/reason'
import { fromCaller } from '../base/stack'
import type {
  CompleteOptions,
  CompleteResult,
  EnqueueOptions,
  HeartbeatResult,
  Job,
  SettleResult,
  SettlementDetails,
} from '../types'
import * as check from '../validate/backend'
import { normalizeClaimOrEnqueue } from '../validate/enqueue'
import type { NewJob } from '../validate/enqueue'
import { sessionOfCompletion } from '../validate/session'
import { claimOf, decodeJob } from './bson/job-document'
import { encodeKept } from './bson/payload'
import type { NativeVerdictKind } from './native/addon'
import { settledOf } from './native/replies'
import type { OpenCollection } from './open-collection'
import { newJob } from './produce'

export async function claimOrEnqueue(
  opened: OpenCollection,
  type: string,
  data: unknown,
  options: EnqueueOptions | undefined,
): Promise<Job<any> | null> {
  return claimOrEnqueueChecked(opened, normalizeClaimOrEnqueue(type, options), data)
}

export async function claimOrEnqueueChecked(
  opened: OpenCollection,
  settings: NewJob,
  data: unknown,
): Promise<Job<any> | null> {
  const job = newJob(opened, 'claimOrEnqueue', settings, data)
  const claimed = await opened.engine.call((native) => native.claimOrEnqueue(job))
  return decoded(opened, 'claimOrEnqueue', claimed)
}

export async function claimNext(opened: OpenCollection, type: string): Promise<Job<any> | null> {
  const checked = check.checkType('claimNext', type)
  opened.refuseUnusable()
  return decoded(opened, 'claimNext', await opened.engine.call((native) => native.claimNext(checked)))
}

export async function claimNextByKey(
  opened: OpenCollection,
  type: string,
  dedupeKey: string,
): Promise<Job<any> | null> {
  const where = 'claimNextByKey'
  const checked = check.checkType(where, type)
  const key = check.checkDedupeKey(where, dedupeKey)
  opened.refuseUnusable()
  return decoded(opened, where, await opened.engine.call((native) => native.claimNextByKey(checked, key)))
}

export async function complete(
  opened: OpenCollection,
  jobId: string,
  claimToken: string | undefined,
  options: (CompleteOptions & SettlementDetails) | undefined,
): Promise<CompleteResult> {
  const session = sessionOfCompletion('complete', options)
  if (session === null) return settle(opened, 'complete', jobId, null, claimToken, options)
  const id = check.checkJobId('complete', jobId)
  const token = check.checkClaimToken('complete', claimToken) ?? null
  const result = encodedResult(opened, check.detailsOf(options))
  opened.refuseUnusable()
  return opened.sessions.complete(id, token, session, result)
}

function encodedResult({ codec }: OpenCollection, { result }: check.Details): Buffer | null {
  return result === null ? null : encodeKept('complete', 'result', result.value, codec)
}

/** Writes a verdict. The possible results depend on it: `R` names them. */
export async function settle<R extends SettleResult>(
  opened: OpenCollection,
  kind: NativeVerdictKind,
  jobId: unknown,
  reason: string | null,
  claimToken: unknown,
  details: unknown,
): Promise<R> {
  const id = check.checkJobId(kind, jobId)
  const token = check.checkClaimToken(kind, claimToken) ?? null
  const told = check.detailsOf(details)
  const { stack, delayMs, parkedUntil, endOfRun } = told
  const result = kind === 'complete' ? encodedResult(opened, told) : null
  opened.refuseUnusable()
  const said = { stack, delayMs, parkedUntilMs: parkedUntil, result, byHand: !endOfRun }
  const settled = await opened.engine.call((native) => native.settle(id, token, kind, reason, said))
  const found = settledOf(settled)
  // The queue asks for the exact result; for others this one does not exist.
  return (endOfRun ? found : asTold(kind, found)) as R
}

export async function heartbeat(
  opened: OpenCollection,
  jobId: string,
  claimToken: string | undefined,
): Promise<HeartbeatResult> {
  const where = 'heartbeat'
  const id = check.checkJobId(where, jobId)
  const token = check.checkClaimToken(where, claimToken) ?? null
  opened.refuseUnusable()
  return opened.engine.call((native) => native.heartbeat(id, token))
}

export async function batchHeartbeat(opened: OpenCollection, jobIds: string[]): Promise<number> {
  const ids = check.checkJobIds('batchHeartbeat', jobIds)
  opened.refuseUnusable()
  return opened.engine.call((native) => native.batchHeartbeat([...ids]))
}

export async function log(
  opened: OpenCollection,
  jobId: string,
  message: string,
  claimToken: string | undefined,
): Promise<void> {
  const where = 'log'
  const id = check.checkJobId(where, jobId)
  const text = check.checkLogMessage(where, message)
  const token = check.checkClaimToken(where, claimToken) ?? null
  opened.refuseUnusable()
  await opened.engine.log(id, token, text)
}

export async function progress(
  opened: OpenCollection,
  jobId: string,
  value: unknown,
  claimToken: string | undefined,
): Promise<void> {
  const where = 'progress'
  const id = check.checkJobId(where, jobId)
  const token = check.checkClaimToken(where, claimToken) ?? null
  const encoded = encodeKept(where, 'progress', value, opened.codec)
  opened.refuseUnusable()
  await opened.engine.call((native) => native.progress(id, token, encoded))
}

/** A claimed job. One that can't be decoded fails, as in a processor: its caller could not settle it without its token. */
async function decoded(
  opened: OpenCollection,
  where: string,
  bytes: Uint8Array | null,
): Promise<Job<any> | null> {
  if (bytes === null) return null
  try {
    return decodeJob(bytes, opened.codec)
  } catch (err) {
    const claim = claimOf(bytes, opened.codec)
    const reason = `the job could not be decoded: ${reasonOf(err)}`
    if (claim !== null) await settle(opened, 'fail', claim.id, reason, claim.token, { endOfRun: true })
    const id = claim === null ? '' : ` ${claim.id}`
    throw fromCaller(
      new PayloadError(
        'ERR_DURABL_PAYLOAD_NOT_DECODABLE',
        `${where}: ${reason}. The attempt of job${id} fails: correct or remove its document`,
        { cause: err },
      ),
    )
  }
}
