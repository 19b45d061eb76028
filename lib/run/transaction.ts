import type { ClientSession, TransactionOptions } from 'mongodb'
import { completeIn, transactionsOf } from '../backend/calls'
import { isCommitted } from '../backend/session-state'
import type { Settlement } from '../backend/verdict'
import { DurablError, FatalJobError, LeaseLostError } from '../base/errors'
import type { HeartbeatResult, IJobQueueBackend, Job } from '../types'
import { TransactionLease, leaseFor } from './transaction-lease'

/** What a handler does in a transaction. */
export type TransactionWork<T> = (session: ClientSession) => T | PromiseLike<T>

/** The run whose handler is in the transaction, as the transaction sees it. */
export interface TransactingRun {
  readonly job: Job<any>
  /** The run is still to be decided: neither settled otherwise nor lost. */
  readonly isUndecided: boolean
  /** The function is about to be called, perhaps again. @throws why nothing that it does can count any more */
  attemptBegins(): void
  /** It has returned. From now on the transaction decides. @throws as above */
  commitBegins(): void
  committed(): void
  /** The job is as it was, if the run is not decided otherwise. */
  rolledBack(error: unknown): void
  /** Why no transaction may begin; null if one may. */
  refusalOfTransaction(): DurablError | null
  /** Resolves when what was logged is written; what comes then is kept. */
  holdLog(): Promise<void>
  /** Resolves when what was kept is written. */
  releaseLog(): Promise<void>
  /** The job is no longer this run's. */
  leaseLost(op: 'complete'): void
}

/** What becomes of a run's lease around its transaction: the drivers differ in it. */
export interface LeaseSuspension<R> {
  /** Makes the lease as long as `leaseMs`, or as long as it gets, and leaves it alone. */
  suspend(run: R, leaseMs: number): Promise<HeartbeatResult>
  /** The transaction is over, and not known to have committed. Null: it has not, and the lease is kept as before. */
  resume(run: R): Promise<Settlement | null>
  /** The transaction has committed. */
  completed(run: R): void
}

/** The transactions of the runs of one queue. */
export class RunTransactions {
  constructor(
    private readonly backend: IJobQueueBackend,
    private readonly visibilityTimeoutMs: number,
  ) {}

  async startSession(job: Job): Promise<ClientSession> {
    return transactionsOf('ctx.session', this.backend).startSession(job.id)
  }

  /**
   * Runs the handler's function and completes its job in one transaction.
   *
   * ```
   * lease made long ─► function ─► completion, fenced ─► commit ─► run over
   *                        ▲ └── transient error ──┘        │
   *                        └────────────────────────────────┤
   *                       error, lease lost, result unknown │
   *                                                         ▼
   *                                          lease renewed, or read back
   * ```
   */
  async run<R extends TransactingRun, T>(
    run: R,
    lease: LeaseSuspension<R>,
    work: TransactionWork<T>,
    options: TransactionOptions | undefined,
  ): Promise<T> {
    const transactions = transactionsOf('ctx.transaction', this.backend)
    const longestMs = await transactions.longestMs()
    const leaseMs = this.leaseMs(longestMs)
    const kept = new TransactionLease(() => suspend(run, lease, leaseMs), leaseMs, longestMs)
    let result: T | undefined
    let isCompleted = false
    try {
      await kept.freshen()
      const session = await transactions.startSession(run.job.id)
      try {
        await session.withTransaction(async () => {
          isCompleted = false
          await kept.freshen()
          run.attemptBegins()
          result = await kept.around(session, () => work(session))
          // Thrown within, the driver would try to abort what is over, and fail over that.
          if (!session.inTransaction()) return
          run.commitBegins()
          await this.complete(run.job, session)
          isCompleted = true
        }, inPrimary(options))
        if (!isCompleted) throw endedByFunction(session)
      } catch (error) {
        if (isUnknown(error)) await this.supersede(run.job, session)
        throw error
      } finally {
        // Before anything else touches the job: it ends the transaction if that is still open.
        await session.endSession()
      }
    } catch (error) {
      if (!(await hasCommitted(run, lease))) throw error
    }
    await run.releaseLog()
    run.committed()
    return result as T
  }

  /** Longer than any transaction, so that whoever takes the job over meets none of its predecessor's. */
  private leaseMs(longestMs: number): number {
    if (longestMs === 0) return this.visibilityTimeoutMs
    const leaseMs = leaseFor(longestMs)
    if (leaseMs <= this.visibilityTimeoutMs) return leaseMs
    throw new DurablError(
      'ERR_DURABL_UNSUPPORTED',
      `ctx.transaction: a transaction can live for ${longestMs} ms on this server (by its transactionLifetimeLimitSeconds), and the ` +
        `lease must outlast it, but visibilityTimeoutMs is ${this.visibilityTimeoutMs}: raise it to ${leaseMs} at least, or lower ` +
        "the server's limit",
    )
  }

  /**
   * Makes sure that a transaction of which nobody knows whether it was committed will not be any more, if it has not been: a
   * server gives up what a session has open when it begins another one. Else it would hold the job until it expires.
   */
  private async supersede(job: Job, session: ClientSession): Promise<void> {
    try {
      session.startTransaction()
      await completeIn(this.backend, job, session)
    } catch {
      // Then it expires.
    }
    // Only begun to have something to give up, and given up with its session.
  }

  /** The last write: fenced, so that it matches only while the job is this run's. */
  private async complete(job: Job, session: ClientSession): Promise<void> {
    const { status } = await completeIn(this.backend, job, session)
    if (status !== 'completed') throw leaseLost(job)
  }
}

/** The transactions of one run's handler: one at a time, and none after one that has committed. */
export class RunTransaction<R extends TransactingRun> {
  /** From before the first attempt until it is known how the transaction ended. */
  isOpen = false

  constructor(
    private readonly run: R,
    private readonly plan: { readonly transactions: RunTransactions; readonly settler: LeaseSuspension<R> },
  ) {}

  begin<T>(work: TransactionWork<T>, options: TransactionOptions | undefined): Promise<T> {
    const refusal = this.isOpen
      ? transactionError('this run is in a transaction already')
      : this.run.refusalOfTransaction()
    if (refusal !== null) return Promise.reject(refusal)
    this.isOpen = true
    const done = this.toItsEnd(work, options)
    // A handler that does not wait for it has ended by then, and the failure is the run's.
    done.catch(() => {})
    return done
  }

  private async toItsEnd<T>(work: TransactionWork<T>, options: TransactionOptions | undefined): Promise<T> {
    const { run, plan } = this
    try {
      await run.holdLog()
      const result = await plan.transactions.run(run, plan.settler, work, options)
      this.isOpen = false
      return result
    } catch (error) {
      this.isOpen = false
      void run.releaseLog()
      run.rolledBack(error)
      throw error
    }
  }
}

async function suspend<R extends TransactingRun>(
  run: R,
  lease: LeaseSuspension<R>,
  leaseMs: number,
): Promise<void> {
  if ((await lease.suspend(run, leaseMs)) !== 'lease-lost') return
  run.leaseLost('complete')
  throw leaseLost(run.job)
}

/** After an error: an error of the commit says that it has failed, or that nobody knows. */
async function hasCommitted<R extends TransactingRun>(run: R, lease: LeaseSuspension<R>): Promise<boolean> {
  if (!run.isUndecided) return false
  // Where not even that can be found out, the handler hears of the first error, and the lease runs out by itself.
  const found = await lease.resume(run).catch(() => null)
  if (found === null) return false
  if (found.status === 'completed') return true
  run.leaseLost('complete')
  return false
}

function leaseLost(job: Job): LeaseLostError {
  return new LeaseLostError('ERR_DURABL_LEASE_LOST', `the lease of job ${job.id} is lost`)
}

export function transactionError(why: string): DurablError {
  return new DurablError('ERR_DURABL_TRANSACTION', `ctx.transaction: ${why}`)
}

/** What a function has committed by itself would be done again by every retry. */
function endedByFunction(session: ClientSession): Error {
  const message =
    'the function has ended the transaction itself, and the job can not end with it any more: return from the function to ' +
    'commit, and throw to abort'
  return isCommitted(session) ? new FatalJobError(`ctx.transaction: ${message}`) : transactionError(message)
}

/** For a settlement by hand while a transaction is open. */
export function withinTransaction(kind: string): DurablError {
  return new DurablError(
    'ERR_DURABL_TRANSACTION',
    `ctx.${kind}: within ctx.transaction the job ends with the transaction: return to complete it, throw to abort, and throw a ` +
      'FatalJobError to fail it for good',
  )
}

/** Transactions read from the primary only; the client may be set up to read elsewhere. */
function inPrimary(options: TransactionOptions | undefined): TransactionOptions {
  return { readPreference: 'primary', ...options }
}

/** The driver's word for a commit that may or may not have happened. */
function isUnknown(error: unknown): boolean {
  const labels = (error as { errorLabels?: unknown } | null)?.errorLabels
  return Array.isArray(labels) && labels.includes('UnknownTransactionCommitResult')
}
