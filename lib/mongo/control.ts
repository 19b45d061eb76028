/** Changes of jobs by operators. */
import type {
  CancelRequest,
  CancelResult,
  CancelledEach,
  JobStatus,
  PromoteResult,
  RemoveResult,
  RescheduleResult,
  RetryResult,
} from '../types'
import {
  checkCancel,
  checkCancelRequests,
  checkId,
  journalKept,
  normalizeReschedule,
  normalizeRetry,
} from '../validate/control'
import { checkEachIds, checkEachStatus } from '../validate/many'
import { encodePayload } from './bson/payload'
import { steeredAs } from './native/replies'
import type { OpenCollection } from './open-collection'

export async function retry(opened: OpenCollection, id: unknown, options: unknown): Promise<RetryResult> {
  const where = 'retry'
  const checked = checkId(where, id)
  const { replacement, delayMs, maxAttempts } = normalizeRetry(options)
  const payload = replacement === null ? null : encodePayload(where, replacement.data, opened.codec)
  opened.refuseUnusable()
  const steered = await opened.engine.call((native) =>
    native.retry(checked, { payload, delayMs, maxAttempts }),
  )
  if (steered.status === 'has-journal') throw journalKept(checked)
  return steeredAs(steered, 'retried')
}

export async function promote(opened: OpenCollection, id: unknown): Promise<PromoteResult> {
  const checked = checkId('promote', id)
  opened.refuseUnusable()
  return steeredAs(await opened.engine.call((native) => native.promote(checked)), 'promoted')
}

export async function reschedule(
  opened: OpenCollection,
  id: unknown,
  options: unknown,
): Promise<RescheduleResult> {
  const checked = checkId('reschedule', id)
  const { delayMs, runAt, priority } = normalizeReschedule(options)
  opened.refuseUnusable()
  const terms = { delayMs, runAtMs: runAt === null ? null : runAt.getTime(), priority }
  return steeredAs(await opened.engine.call((native) => native.reschedule(checked, terms)), 'rescheduled')
}

export async function remove(opened: OpenCollection, id: unknown): Promise<RemoveResult> {
  const checked = checkId('remove', id)
  opened.refuseUnusable()
  return steeredAs(await opened.engine.call((native) => native.remove(checked)), 'removed')
}

export async function retryEach(
  opened: OpenCollection,
  ids: readonly string[],
  status?: JobStatus,
): Promise<number> {
  const checked = checkEachIds('retryEach', ids)
  const from = checkEachStatus('retryEach', status)
  opened.refuseUnusable()
  return opened.engine.call((native) => native.retryEach([...checked], from))
}

export async function promoteEach(opened: OpenCollection, ids: readonly string[]): Promise<number> {
  const checked = checkEachIds('promoteEach', ids)
  opened.refuseUnusable()
  return opened.engine.call((native) => native.promoteEach([...checked]))
}

export async function removeEach(
  opened: OpenCollection,
  ids: readonly string[],
  status?: JobStatus,
): Promise<number> {
  const checked = checkEachIds('removeEach', ids)
  const from = checkEachStatus('removeEach', status)
  opened.refuseUnusable()
  return opened.engine.call((native) => native.removeEach([...checked], from))
}

export async function cancel(
  opened: OpenCollection,
  jobId: unknown,
  options: unknown,
): Promise<CancelResult> {
  const { id, reason } = checkCancel('cancel', jobId, options)
  opened.refuseUnusable()
  const [cancelled] = await opened.engine.call((native) => native.cancel([id], reason))
  const { status, terminalStatus } = cancelled!
  if (status !== 'already-terminal') return { status }
  // The engine sets it exactly with this status.
  return { status, terminalStatus: terminalStatus ?? 'failed' }
}

export async function cancelEach(
  opened: OpenCollection,
  ids: readonly string[],
  status?: JobStatus,
): Promise<CancelledEach[]> {
  const checked = checkEachIds('cancelEach', ids)
  const from = checkEachStatus('cancelEach', status)
  opened.refuseUnusable()
  return opened.engine.call((native) => native.cancelEach([...checked], from))
}

export async function cancelRequests(
  opened: OpenCollection,
  jobIds: readonly string[],
): Promise<CancelRequest[]> {
  const ids = checkCancelRequests(jobIds)
  opened.refuseUnusable()
  return opened.engine.call((native) => native.cancelRequests([...ids]))
}
