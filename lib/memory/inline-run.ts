import type { ClientSession, TransactionOptions } from 'mongodb'
import { completeIn, heartbeat, settle, transactionsOf } from '../backend/calls'
import { COMPLETE, asTold, byHand } from '../backend/verdict'
import type { Settled, Verdict, VerdictKind } from '../backend/verdict'
import { RunContext } from '../run/context'
import type { HandledRun } from '../run/context'
import { verdictOnThrow } from '../run/outcome'
import { RunSignal } from '../run/signal'
import { transactionError } from '../run/transaction'
import type { TransactionWork } from '../run/transaction'
import type { HeartbeatResult, IJobQueueBackend, Job, JobHandler, SettleResult } from '../types'

/**
 * Runs a handler for a claimed job and settles by its outcome. Resolves when both are over, with any outcome: it is on the job.
 *
 * @returns the handler's result
 */
export async function runInline(
  backend: IJobQueueBackend,
  job: Job<any>,
  handler: JobHandler<any>,
): Promise<unknown> {
  const run = new InlineRun(backend, job)
  let returned: unknown
  try {
    returned = await handler(job, new RunContext(run))
  } catch (error) {
    await run.settle(verdictOnThrow(error, null))
    return
  }
  await run.settle(COMPLETE)
  return returned
}

/** Settles through the backend's public methods, so that a subclass which overrides them is asked. */
class InlineRun implements HandledRun {
  /** Never aborted: nothing takes a job away from the call that runs it. */
  readonly aborting = new RunSignal()
  readonly tools: HandledRun['tools'] = {
    log: async (message) => {
      await this.backend.log(this.job.id, String(message), this.job.claimToken).catch(() => {})
    },
    progress: (value) => {
      void this.backend.progress?.(this.job.id, value, this.job.claimToken).catch(() => {})
    },
    session: () => this.session(),
    transact: (work, options) => this.transact(work, options),
  }
  private settlement: Promise<Settled> | null = null
  private kind: VerdictKind = 'complete'

  constructor(
    private readonly backend: IJobQueueBackend,
    private readonly job: Job,
  ) {}

  heartbeat(): Promise<HeartbeatResult> {
    return heartbeat(this.backend, this.job)
  }

  async settleByHand(verdict: Verdict): Promise<SettleResult> {
    const found = await this.settle(byHand(verdict))
    return asTold(this.kind, found)
  }

  settle(verdict: Verdict): Promise<Settled> {
    if (this.settlement === null) {
      this.kind = verdict.kind
      this.settlement = settle(this.backend, this.job, verdict)
    }
    return this.settlement
  }

  private async session(): Promise<ClientSession> {
    return transactionsOf('ctx.session', this.backend).startSession(this.job.id)
  }

  /** As a queue's own runs do, but nothing here can be taken back. */
  private async transact<T>(work: TransactionWork<T>, options?: TransactionOptions): Promise<T> {
    const { backend, job } = this
    if (this.settlement !== null) throw transactionError('this run is settled already')
    const session = await this.session()
    return session.withTransaction(async () => {
      const result = await work(session)
      this.settlement = completeIn(backend, job, session)
      await this.settlement
      return result
    }, options)
  }
}
