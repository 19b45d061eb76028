import { COMPLETE, failed, failedFatally } from '../backend/verdict'
import type { Settled, Verdict } from '../backend/verdict'
import { unwatched } from '../base/deferred'
import type { CompleteResult, FailFatalResult, FailResult, HeartbeatResult, JobContext } from '../types'
import { refusalOfSession } from '../validate'
import type { RunSignal } from './signal'
import type { RunTools } from './tools'

/** A run, as the handler's context uses it. */
export interface HandledRun {
  readonly aborting: RunSignal
  readonly tools: RunTools
  settleByHand(verdict: Verdict): Promise<Settled>
  heartbeat(): Promise<HeartbeatResult>
}

/**
 * What a handler sees of its run. The methods are fields, so that `async (job, { complete, log }) => …` works; what
 * few handlers ask for is an accessor, so that the runs of others never make it. (Measured: 40 ns a run; as an object
 * literal with an accessor, 670 ns.)
 */
export class RunContext implements JobContext {
  readonly complete: () => Promise<CompleteResult>
  readonly fail: (reason: string) => Promise<FailResult>
  readonly failFatal: (reason: string) => Promise<FailFatalResult>
  readonly heartbeat: () => Promise<HeartbeatResult>
  readonly log: (message: string) => Promise<void>
  readonly #run: HandledRun

  constructor(run: HandledRun) {
    this.#run = run
    this.complete = (options?: unknown) => {
      const refusal = refusalOfSession('ctx.complete', options)
      return refusal === null
        ? (run.settleByHand(COMPLETE) as Promise<CompleteResult>)
        : unwatched(Promise.reject(refusal))
    }
    this.fail = (reason) => run.settleByHand(failed(reason)) as Promise<FailResult>
    this.failFatal = (reason) => run.settleByHand(failedFatally(reason)) as Promise<FailFatalResult>
    this.heartbeat = () => unwatched(run.heartbeat())
    this.log = (message) => run.tools.log(message)
  }

  get signal(): AbortSignal {
    return this.#run.aborting.signal
  }

  get transaction(): JobContext['transaction'] {
    return (work, options) =>
      unwatched(this.#run.tools.transact((session) => work(session as never), options))
  }

  get session(): JobContext['session'] {
    return (() => unwatched(this.#run.tools.session())) as JobContext['session']
  }
}
