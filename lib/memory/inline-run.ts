import { completeIn, heartbeat, settle, transactionsOf } from '../backend/calls'
import { COMPLETE, failed, failedFatally } from '../backend/verdict'
import type { Verdict } from '../backend/verdict'
import { verdictOnThrow } from '../run/outcome'
import { transactionError } from '../run/transaction'
import type {
  CompleteResult,
  FailFatalResult,
  FailResult,
  HeartbeatResult,
  IJobQueueBackend,
  Job,
  JobContext,
  JobHandler,
  SettleResult,
} from '../types'

/**
 * Runs a handler for a claimed job and settles by its outcome. Resolves when both are over, whatever the outcome: it is on
 * the job.
 *
 * @returns what the handler returned
 */
export async function runInline(
  backend: IJobQueueBackend,
  job: Job<any>,
  handler: JobHandler<any>,
): Promise<unknown> {
  const context = new InlineContext(backend, job)
  let returned: unknown
  try {
    returned = await handler(job, context)
  } catch (error) {
    await context.settleUnlessDone(verdictOnThrow(error, null))
    return
  }
  await context.settleUnlessDone(COMPLETE)
  return returned
}

/** Settles through the backend's public methods, so that a subclass which overrides them is asked. */
class InlineContext implements JobContext {
  readonly complete = () => this.settle(COMPLETE) as Promise<CompleteResult>
  readonly fail = (reason: string) => this.settle(failed(reason)) as Promise<FailResult>
  readonly failFatal = (reason: string) => this.settle(failedFatally(reason)) as Promise<FailFatalResult>
  private settlement: Promise<SettleResult> | null = null
  private controller: AbortController | null = null

  constructor(
    private readonly backend: IJobQueueBackend,
    private readonly job: Job,
  ) {}

  /** Never aborted: nothing takes a job away from the call that runs it. */
  get signal(): AbortSignal {
    this.controller ??= new AbortController()
    return this.controller.signal
  }

  readonly heartbeat = (): Promise<HeartbeatResult> => heartbeat(this.backend, this.job)

  /** As a queue's own runs do, but nothing here can be taken back. */
  readonly transaction: JobContext['transaction'] = async (work, options) => {
    const { backend, job } = this
    if (this.settlement !== null) throw transactionError('this run is settled already')
    const session = await this.session()
    return session.withTransaction(async () => {
      const result = await work(session as never)
      this.settlement = completeIn(backend, job, session)
      await this.settlement
      return result
    }, options)
  }

  readonly session = (() =>
    transactionsOf('ctx.session', this.backend).startSession(this.job.id)) as JobContext['session']

  readonly log = async (message: string): Promise<void> => {
    await this.backend.log(this.job.id, String(message), this.job.claimToken).catch(() => {})
  }

  /** The end of the handler, which counts only if it has not settled by itself. */
  async settleUnlessDone(verdict: Verdict): Promise<void> {
    await (this.settlement ?? this.settle(verdict))
  }

  private settle(verdict: Verdict): Promise<SettleResult> {
    this.settlement ??= settle(this.backend, this.job, verdict)
    return this.settlement
  }
}
