import type { ClientSession, TransactionOptions } from 'mongodb'
import { completeIn, transactionsOf } from '../backend/calls'
import type { Kept } from '../backend/verdict'
import { isCommitted } from '../backend/session-state'
import { unwatched } from '../base/deferred'
import { DurablError, FatalJobError, LeaseLostError } from '../base/errors'
import type { IJobQueueBackend, Job } from '../types'
import type { Run, Settler } from './settler'
import { TransactionLease, leaseFor } from './transaction-lease'

/** The work of a handler in a transaction. */
export type TransactionWork<T> = (session: ClientSession) => T | PromiseLike<T>

/** Writes of a run to its job beside its settlement. They wait while a transaction is writing. */
export interface RunWrites {
  hold(): void
  release(): void
  /** Resolves when all writes are done; null if there is nothing to wait for. */
  flushed(): Promise<void> | null
}

/** A step whose result is recorded in the transaction in which it works. The run goes on. */
export interface RecordedWork<T> {
  readonly work: TransactionWork<T>
  /** Records the result, as the last write; throws if the record does not apply. */
  write(session: ClientSession, result: T): Promise<void>
  /** True if the record is there. Asked after a commit of unknown result. */
  isRecorded(): Promise<boolean>
}

/** A run, as its transaction sees it. */
export interface TransactingRun extends Run {
  /** The run is still to be decided: neither settled otherwise nor lost. */
  readonly isUndecided: boolean
  /**
   * The next step: the function is about to be called, perhaps again, or has returned and the transaction decides.
   *
   * @throws the reason for which nothing in the transaction can count any more
   */
  enter(step: 'transaction-begins' | 'attempt' | 'commit'): void
  /** The transaction has committed, and the job is completed with it. */
  committed(): void
  /** The value that the job is to keep; null for nothing. */
  keptResult(value: unknown): Kept | null
  /** The job is as it was, if the run is not decided otherwise. */
  rolledBack(error: unknown): void
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
  async run<T>(
    run: TransactingRun,
    settler: Settler,
    work: TransactionWork<T>,
    options: TransactionOptions | undefined,
  ): Promise<T> {
    let result: T | undefined
    const noted = async (session: ClientSession) => {
      result = await work(session)
    }
    try {
      const complete = (session: ClientSession) => this.complete(run.job, session, run.keptResult(result))
      await this.inOne(run, settler, noted, complete, options)
    } catch (error) {
      if (!(await hasCommitted(run, settler))) throw error
    }
    return result as T
  }

  /** The same for a step, whose record takes the place of the completion. The job stays the run's, and its lease is renewed again. */
  async record<T>(
    run: TransactingRun,
    settler: Settler,
    step: RecordedWork<T>,
    options: TransactionOptions | undefined,
  ): Promise<T> {
    let result: T | undefined
    const noted = async (session: ClientSession) => {
      result = await step.work(session)
    }
    try {
      await this.inOne(run, settler, noted, (session) => step.write(session, result as T), options)
    } catch (error) {
      if (!(await isStillHeld(run, settler))) throw leaseLost(run.job)
      // If even this look fails, the next attempt finds out: the record and the writes are both there, or neither is.
      if (!(await step.isRecorded().catch(() => false))) throw error
      return result as T
    }
    await isStillHeld(run, settler)
    return result as T
  }

  /** Runs a function and a last write in one transaction, while the lease is long and left alone. */
  private async inOne(
    run: TransactingRun,
    settler: Settler,
    work: TransactionWork<void>,
    last: (session: ClientSession) => Promise<void>,
    options: TransactionOptions | undefined,
  ): Promise<void> {
    const transactions = transactionsOf('ctx.transaction', this.backend)
    const longestMs = await transactions.longestMs()
    const leaseMs = this.leaseMs(longestMs)
    const kept = new TransactionLease(() => suspend(run, settler, leaseMs), leaseMs, longestMs)
    let isDone = false
    await kept.freshen()
    const session = await transactions.startSession(run.job.id)
    try {
      await session.withTransaction(async () => {
        isDone = false
        await kept.freshen()
        run.enter('attempt')
        await kept.around(session, () => work(session))
        // Thrown within, the driver would try to abort a transaction that is over, and fail.
        if (!session.inTransaction()) return
        run.enter('commit')
        await last(session)
        isDone = true
      }, inPrimary(options))
      if (!isDone) throw endedByFunction(session)
    } catch (error) {
      if (isUnknown(error)) await supersede(session, last)
      throw error
    } finally {
      // Before anything else touches the job: it ends the transaction if that is still open.
      await session.endSession()
    }
  }

  /** Longer than any transaction, so that the next holder of the job meets none of its predecessor's. */
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

  /** The last write: fenced, so that it matches only while the job is this run's. */
  private async complete(job: Job, session: ClientSession, result: Kept | null): Promise<void> {
    const { status } = await completeIn(this.backend, job, session, result)
    if (status !== 'completed') throw leaseLost(job)
  }
}

/** The transactions of one run's handler: one at a time, and none after one that has committed. */
export class RunTransaction {
  /** From before the first attempt until it is known how the transaction ended. */
  isOpen = false

  constructor(
    private readonly run: TransactingRun,
    private readonly transactions: RunTransactions,
    private readonly settler: Settler,
    private readonly writes: RunWrites,
  ) {}

  begin<T>(work: TransactionWork<T>, options: TransactionOptions | undefined): Promise<T> {
    // A handler that does not wait for it has ended by then, and the failure is the run's.
    return unwatched(this.toItsEnd(work, options))
  }

  /** The transaction of a step. The run goes on after it. */
  async record<T>(step: RecordedWork<T>, options: TransactionOptions | undefined): Promise<T> {
    const { run, transactions, settler, writes } = this
    this.enter()
    try {
      writes.hold()
      await writes.flushed()
      return await transactions.record(run, settler, step, options)
    } finally {
      this.isOpen = false
      writes.release()
      // It decides nothing of the run; an event of the meantime counts now.
      run.rolledBack(transactionError('the handler has ended before the transaction of its step'))
    }
  }

  private enter(): void {
    if (this.isOpen) throw transactionError('this run is in a transaction already')
    this.run.enter('transaction-begins')
    this.isOpen = true
  }

  private async toItsEnd<T>(work: TransactionWork<T>, options: TransactionOptions | undefined): Promise<T> {
    const { run, transactions, settler, writes } = this
    this.enter()
    try {
      writes.hold()
      await writes.flushed()
      const result = await transactions.run(run, settler, work, options)
      writes.release()
      await writes.flushed()
      run.committed()
      this.isOpen = false
      return result
    } catch (error) {
      this.isOpen = false
      writes.release()
      run.rolledBack(error)
      throw error
    }
  }
}

/**
 * Makes sure that a transaction of unknown result will not be committed any more, if it has not been. A server gives up the open
 * transaction of a session when the session begins another one. Else the old one would hold the job until it expires.
 *
 * @param last the last write, which begins one
 */
async function supersede(
  session: ClientSession,
  last: (session: ClientSession) => Promise<void>,
): Promise<void> {
  try {
    session.startTransaction()
    await last(session)
  } catch {
    // Then the old transaction expires.
  }
  // The transaction was only begun to replace the other, and goes with its session.
}

async function suspend(run: Run, settler: Settler, leaseMs: number): Promise<void> {
  if ((await settler.suspend(run, leaseMs)) !== 'lease-lost') return
  run.leaseLost('complete')
  throw leaseLost(run.job)
}

/** True if, after the transaction of a step, the job is still this run's as far as the engine can tell. */
async function isStillHeld(run: TransactingRun, settler: Settler): Promise<boolean> {
  // The engine renews the lease as soon as the server can be reached again.
  const found = await settler.resume(run).catch(() => null)
  if (found === null) return true
  run.leaseLost('heartbeat')
  return false
}

/** True if the transaction has committed after all. Asked after an error: one of the commit says that it failed, or that its result is unknown. */
async function hasCommitted(run: TransactingRun, settler: Settler): Promise<boolean> {
  if (!run.isUndecided) return false
  // If even this look fails, the handler gets the first error, and the lease expires by itself.
  const found = await settler.resume(run).catch(() => null)
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

/** Makes the error for a function that has ended the transaction itself: each retry would repeat the work that it committed. */
function endedByFunction(session: ClientSession): Error {
  const message =
    'the function has ended the transaction itself, so the job can no longer end with it: return from the function to ' +
    'commit, or throw to abort'
  return isCommitted(session) ? new FatalJobError(`ctx.transaction: ${message}`) : transactionError(message)
}

/** The error for a settlement by hand while a transaction is open. */
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
