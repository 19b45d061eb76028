/**
 * The calls that the queue makes to a backend of any era. A backend written for the first releases knows no claim tokens, lacks the newer
 * methods, and often resolves to nothing. A backend that a test wrote by hand may lack still more, or throw where it should reject. The
 * differences end here.
 */
import type { ClientSession } from 'mongodb'
import { DurablError } from '../base/errors'
import { fromCaller } from '../base/stack'
import type {
  BackendTransactions,
  HeartbeatResult,
  IJobQueueBackend,
  Job,
  QueueStats,
  SettlementDetails,
} from '../types'
import { COMPLETE, failed } from './verdict'
import type { Kept, Settled, Verdict } from './verdict'

/** Writes a verdict. Rejects if the backend does, or if it does not have the method. */
export async function settle(backend: IJobQueueBackend, job: Job, verdict: Verdict): Promise<Settled> {
  // A backend that takes no details would have the job run again at once, and again.
  const isDeferral = verdict.kind === 'release' && verdict.delayMs !== null
  const known = isDeferral && !canCancel(backend) ? failed('the handler has deferred the job') : verdict
  const said = await keeping(known.result, (result) => write(backend, job, { ...known, result }))
  return understood(said, known, job)
}

/** Completes a job with a value to keep; without the value, if the backend refuses that. */
async function keeping<T>(kept: Kept | null, complete: (kept: Kept | null) => Promise<T>): Promise<T> {
  if (kept === null) return complete(null)
  try {
    return await complete(kept)
  } catch (err) {
    // Refused before a round trip: nothing is written.
    if (!isRefusal(err)) throw err
    kept.refused(err)
    return complete(null)
  }
}

function isRefusal(err: unknown): boolean {
  const { code } = (err ?? {}) as { code?: unknown }
  return code === 'ERR_DURABL_PAYLOAD_NOT_ENCODABLE' || code === 'ERR_DURABL_PAYLOAD_TOO_LARGE'
}

function write(backend: IJobQueueBackend, job: Job, verdict: Verdict): Promise<unknown> {
  const reason = verdict.reason ?? ''
  // A missing token is left out, not passed as undefined: that is how the older backends were called.
  const token: [] | [string] = job.claimToken == null ? [] : [job.claimToken]
  const details = detailsOf(verdict)
  const last: [token?: string | undefined, details?: SettlementDetails] =
    details === null || !canCancel(backend) ? token : [job.claimToken ?? undefined, details]
  switch (verdict.kind) {
    case 'complete':
      return backend.complete(job.id, ...last)
    case 'fail':
      return backend.fail(job.id, reason, ...last)
    case 'failFatal':
      return backend.failFatal(job.id, reason, ...last)
    case 'release':
      if (!canRelease(backend))
        throw new DurablError('ERR_DURABL_UNSUPPORTED', 'the backend has no release()')
      return backend.release!(job.id, ...last)
  }
}

/** Null if there is nothing to say. */
function detailsOf({ stack, delayMs, parkedUntil, byHand, result }: Verdict): SettlementDetails | null {
  if (stack === null && delayMs === null && byHand && result === null) return null
  return {
    ...(stack === null ? {} : { stack }),
    ...(delayMs === null ? {} : { delayMs }),
    ...(parkedUntil === undefined ? {} : { parkedUntil: new Date(parkedUntil) }),
    ...(byHand ? {} : { endOfRun: true }),
    ...(result === null ? {} : { result: { value: result.value } }),
  }
}

/** True if jobs can be cancelled. Such a backend takes details of settlements. */
export function canCancel(backend: IJobQueueBackend): boolean {
  return typeof backend.cancel === 'function'
}

/** The backend's answer to a settlement. An absent answer means that it applied; a plain `false` did not apply. */
export function understood(said: unknown, verdict: Verdict, job: Job): Settled {
  if (said === false) return { status: 'lease-lost' }
  const isResult =
    typeof said === 'object' && said !== null && 'status' in said && typeof said.status === 'string'
  return isResult ? (said as Settled) : applied(verdict, job)
}

function applied(verdict: Verdict, job: Job): Settled {
  switch (verdict.kind) {
    case 'complete':
      return { status: 'completed' }
    case 'fail':
      return { status: job.attempt >= job.maxAttempts ? 'failed-terminal' : 'retry-scheduled' }
    case 'failFatal':
      return { status: 'failed-terminal' }
    case 'release':
      return { status: 'released' }
  }
}

/** A backend's transactions, with sessions as the driver has them. */
export interface SessionSource extends BackendTransactions {
  startSession(jobId: string): Promise<ClientSession>
}

/** The backend's support for writes in transactions. Throws without it, as a session would be dropped in silence. */
export function transactionsOf(where: string, backend: IJobQueueBackend): SessionSource {
  const { transactions } = backend
  // Its sessions are the app's driver's, whichever copy of it that is.
  if (typeof transactions === 'object' && transactions !== null) return transactions as SessionSource
  throw fromCaller(
    new DurablError(
      'ERR_DURABL_UNSUPPORTED',
      `${where}: this backend has no transactions (its property "transactions" is absent), so it takes no session`,
    ),
  )
}

/** Completes a claim in the transaction in progress on a session. The transaction decides if that counts. */
export async function completeIn(
  backend: IJobQueueBackend,
  job: Job,
  session: ClientSession,
  result: Kept | null = null,
): Promise<Settled> {
  const token = job.claimToken ?? undefined
  const said = await keeping(result, (kept) => {
    const details = kept === null ? {} : { result: { value: kept.value } }
    return backend.complete(job.id, token, { session, ...details })
  })
  return understood(said, COMPLETE, job)
}

/**
 * After a transaction that may have completed a claim: null if it has not and the claim is still held. The claim is renewed then. Else the
 * job's fate.
 *
 * @param renew a write, not a look: it waits for a transaction that is still open, and none that was can commit after it
 */
export async function heldOrReadBack(
  backend: IJobQueueBackend,
  job: Job,
  renew: () => Promise<HeartbeatResult>,
): Promise<Settled | null> {
  if ((await renew()) === 'applied') return null
  return transactionsOf('ctx.transaction', backend).readBack(job.id, job.claimToken)
}

/** True if claims can be given back. If not, their leases expire. */
export function canRelease(backend: IJobQueueBackend): boolean {
  return typeof backend.release === 'function'
}

export async function heartbeat(backend: IJobQueueBackend, job: Job): Promise<HeartbeatResult> {
  if (typeof backend.heartbeat !== 'function') return 'applied'
  const said: unknown = await (job.claimToken == null
    ? backend.heartbeat(job.id)
    : backend.heartbeat(job.id, job.claimToken))
  return said === 'lease-lost' || said === false ? 'lease-lost' : 'applied'
}

export async function writeLog(backend: IJobQueueBackend, job: Job, message: string): Promise<void> {
  if (typeof backend.log !== 'function') return
  await (job.claimToken == null ? backend.log(job.id, message) : backend.log(job.id, message, job.claimToken))
}

export async function writeProgress(backend: IJobQueueBackend, job: Job, value: unknown): Promise<void> {
  if (typeof backend.progress !== 'function')
    throw new DurablError('ERR_DURABL_UNSUPPORTED', 'ctx.progress: this backend has no progress()')
  await backend.progress(job.id, value, job.claimToken ?? undefined)
}

/** Implementations of `log` that keep the order of lines though none waits for the one before it. */
const ORDERED_LOGS = new WeakSet<object>()

export function keepsOrder(log: object): void {
  ORDERED_LOGS.add(log)
}

/** True if lines may be handed to a backend before the ones before them are written. */
export function keepsLogOrder(backend: IJobQueueBackend): boolean {
  const log: unknown = Reflect.get(backend, 'log')
  return typeof log === 'function' && ORDERED_LOGS.has(log)
}

/** Claims the next job of a type; null if there is none. Refuses a value that is no job, before a handler sees it. */
export async function claimNext(backend: IJobQueueBackend, type: string): Promise<Job | null> {
  return claimed(await backend.claimNext(type))
}

/** Claims the follower of a key; null if there is none, or if the backend can't claim by key. */
export async function claimNextByKey(
  backend: IJobQueueBackend,
  type: string,
  key: string,
): Promise<Job | null> {
  return typeof backend.claimNextByKey === 'function'
    ? claimed(await backend.claimNextByKey(type, key))
    : null
}

function claimed(said: unknown): Job | null {
  if (said === null || said === undefined) return null
  if (typeof said !== 'object' || !('id' in said) || typeof said.id !== 'string') {
    throw new TypeError(`the backend claimed something that is not a job: ${typeof said} without an id`)
  }
  return said as Job
}

export async function hasOutstanding(
  backend: IJobQueueBackend,
  type: string,
  dedupeKey: string,
): Promise<boolean> {
  if (typeof backend.hasOutstanding === 'function')
    return Boolean(await backend.hasOutstanding(type, dedupeKey))
  for (const status of ['pending', 'active'] as const) {
    if ((await backend.findOne({ type, dedupeKey, status })) != null) return true
  }
  return false
}

/** Counts of a backend of any era. A number that it does not count is 0, and a part that it does not look for is absent. */
export async function statsOf(backend: IJobQueueBackend, type: string | undefined): Promise<QueueStats> {
  const said = await backend.getStats(type)
  return {
    ...said,
    superseded: said.superseded ?? 0,
    oldestPendingRunAt: said.oldestPendingRunAt ?? null,
    oldestPendingLagMs: said.oldestPendingLagMs ?? 0,
  }
}

export function canRecover(backend: IJobQueueBackend): boolean {
  return typeof backend.recoverStuckJobs === 'function'
}

/** Recovers jobs of expired leases. Returns the number handled; null if the backend can't. */
export async function recoverStuckJobs(
  backend: IJobQueueBackend,
  visibilityTimeoutMs: number,
): Promise<number | null> {
  if (!canRecover(backend)) return null
  const said: unknown = await backend.recoverStuckJobs!(visibilityTimeoutMs)
  return typeof said === 'number' ? said : 0
}

export async function startUp(backend: IJobQueueBackend): Promise<void> {
  if (typeof backend.startup === 'function') await backend.startup()
}

export async function shutDown(backend: IJobQueueBackend, timeoutMs: number): Promise<void> {
  if (typeof backend.shutdown === 'function') await backend.shutdown(timeoutMs)
}
