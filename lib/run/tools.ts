import { inspect } from 'node:util'
import type { ClientSession, TransactionOptions } from 'mongodb'
import { RunLog } from './log'
import { RunSession } from './session'
import type { RunSetup } from './setup'
import { RunTransaction } from './transaction'
import type { TransactingRun, TransactionWork } from './transaction'

/** How long a release waits for the log lines that came before it: a shutdown has little time for both. */
const RELEASE_LOG_MS = 150

/**
 * The tools that a context offers to a handler. Each is made when the handler first asks for it: a run whose handler does not
 * ask pays for none.
 */
export class RunTools {
  private ownLog: RunLog | null = null
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

  /** A session that ends with the handler. */
  session(): Promise<ClientSession> {
    this.ownSession ??= new RunSession(() => this.setup.transactions.startSession(this.run.job))
    if (this.hasEnded()) this.ownSession.end()
    return this.ownSession.get()
  }

  /** Runs a function in a transaction that also completes the job. */
  transact<T>(work: TransactionWork<T>, options: TransactionOptions | undefined): Promise<T> {
    const { transactions, settler } = this.setup
    this.transaction ??= new RunTransaction(this.run, transactions, settler, this.openLog())
    return this.transaction.begin(work, options)
  }

  /** Writes the lines so far, those that a transaction held up too. Null if there is nothing to wait for. */
  flushLog(isRelease: boolean): Promise<void> | null {
    this.ownLog?.release()
    return this.ownLog?.flushed(isRelease ? RELEASE_LOG_MS : Infinity) ?? null
  }

  /** The handler has ended. */
  end(): void {
    this.ownSession?.end()
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
