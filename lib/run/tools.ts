import { inspect } from 'node:util'
import type { ClientSession, TransactionOptions } from 'mongodb'
import { RunLog } from './log'
import { RunProgress } from './progress'
import { RunSession } from './session'
import type { RunSetup } from './setup'
import { RunTransaction } from './transaction'
import type { RecordedWork, TransactingRun, TransactionWork } from './transaction'

/** Time that a release waits for lines and progress before it: a shutdown has little time for both. */
const RELEASE_MS = 150

/**
 * The tools that a context offers to a handler. Each is made when the handler first asks for it: a run whose handler does not
 * ask pays for none.
 */
export class RunTools {
  private ownLog: RunLog | null = null
  private ownProgress: RunProgress | null = null
  private ownSession: RunSession | null = null
  private transaction: RunTransaction | null = null

  constructor(
    private readonly run: TransactingRun,
    private readonly setup: RunSetup,
    private readonly hasEnded: () => boolean,
  ) {}

  /** From before the first attempt of a transaction until it is known how it ended. */
  get isTransacting(): boolean {
    return this.transaction?.isOpen === true
  }

  /** Never rejects. */
  log(message: unknown): Promise<void> {
    const log = this.openLog()
    // A log line is a write to the job as well.
    if (this.isTransacting) log.hold()
    return log.add(typeof message === 'string' ? message : inspect(message))
  }

  progress(value: unknown): void {
    if (this.hasEnded()) return
    const progress = this.openProgress()
    if (this.isTransacting) progress.hold()
    progress.set(value)
  }

  /** A session that ends with the handler. */
  session(): Promise<ClientSession> {
    this.ownSession ??= new RunSession(() => this.setup.transactions.startSession(this.run.job))
    if (this.hasEnded()) this.ownSession.end()
    return this.ownSession.get()
  }

  /** Runs a function in a transaction that also completes the job. */
  transact<T>(work: TransactionWork<T>, options: TransactionOptions | undefined): Promise<T> {
    return this.openTransaction().begin(work, options)
  }

  /** Runs a step in a transaction that also records it. */
  record<T>(step: RecordedWork<T>, options: TransactionOptions | undefined): Promise<T> {
    return this.openTransaction().record(step, options)
  }

  /** Progress that is not written yet waits from now on. Lines and values that come while a transaction is open wait by themselves. */
  hold(): void {
    this.ownProgress?.hold()
  }

  release(): void {
    this.ownLog?.release()
    this.ownProgress?.release()
  }

  /** Resolves when the lines and progress so far are written, or given up. Null if there is nothing to wait for. */
  flushed(limitMs = Infinity): Promise<void> | null {
    const logged = this.ownLog?.flushed(limitMs) ?? null
    const told = this.ownProgress?.flushed(limitMs) ?? null
    return logged === null || told === null ? (logged ?? told) : Promise.all([logged, told]).then(() => {})
  }

  /** Writes the lines and progress so far, even those that a transaction held up. Null if there is nothing to wait for. */
  flush(isRelease: boolean): Promise<void> | null {
    if (this.ownLog === null && this.ownProgress === null) return null
    this.release()
    return this.flushed(isRelease ? RELEASE_MS : Infinity)
  }

  /** The handler has ended. */
  end(): void {
    this.ownProgress?.end()
    this.ownSession?.end()
  }

  private openTransaction(): RunTransaction {
    const { transactions, settler } = this.setup
    return (this.transaction ??= new RunTransaction(this.run, transactions, settler, this))
  }

  private openProgress(): RunProgress {
    const { run, setup } = this
    const { type, id: jobId } = run.job
    this.ownProgress ??= new RunProgress(
      (value) => setup.settler.progress(run, value),
      (err) => setup.report.logger.warn({ type, jobId, err }, 'job progress: it could not be written'),
    )
    return this.ownProgress
  }

  private openLog(): RunLog {
    if (this.ownLog !== null) return this.ownLog
    const { run, setup } = this
    const { type, id: jobId } = run.job
    this.ownLog = new RunLog(
      (line) => setup.settler.log(run, line),
      setup.settler.keepsLogOrder,
      (err) => setup.report.logger.warn({ type, jobId, err }, 'job log: lines could not be written'),
    )
    return this.ownLog
  }
}
