import { COMPLETE, failed, failedFatally } from '../backend/verdict'
import type { Settled, Verdict } from '../backend/verdict'
import { unwatched } from '../base/deferred'
import type {
  CompleteResult,
  FailFatalResult,
  FailResult,
  HeartbeatResult,
  JobContext,
  SettleResult,
} from '../types'
import { isRecord, refusalOfSession } from '../validate'
import { completedWith } from './result'
import type { RunSignal } from './signal'
import type { RunTools } from './tools'

/** A run, as the handler's context uses it. */
export interface HandledRun {
  readonly aborting: RunSignal
  /** `record` is absent if the backend runs handlers by itself. */
  readonly tools: Pick<RunTools, 'log' | 'progress' | 'session' | 'transact'> &
    Partial<Pick<RunTools, 'record'>>
  /** The owner settles in the midst of its work. */
  settleByHand(verdict: Verdict): Promise<SettleResult>
  /** Settles as the verdict says. Absent if the end of the handler does that. */
  settle?(verdict: Verdict): Promise<Settled>
  heartbeat(): Promise<HeartbeatResult>
}

/** The same for all contexts: an accessor that each context makes anew costs five times as much. */
const SIGNAL: PropertyDescriptor & ThisType<RunContext> = {
  get: signalOf,
  enumerable: true,
  configurable: true,
}

/**
 * The view that a handler has of its run.
 *
 * Its own properties are `signal` and `log`, as they were before contexts could settle. So a copy of a context has these two. Everything
 * else is an accessor of the class that makes a function. So `async (job, { complete }) => …` works, and a run makes only the functions
 * that its handler asks for.
 */
export class RunContext implements JobContext {
  // An own accessor, too: few handlers ask for the signal, and an AbortController costs more than all the rest.
  declare readonly signal: AbortSignal
  declare readonly log: JobContext['log']
  readonly #run: HandledRun

  constructor(run: HandledRun) {
    this.#run = run
    Object.defineProperty(this, 'signal', SIGNAL)
    this.log = (message) => run.tools.log(message)
  }

  static runOf(context: RunContext): HandledRun {
    return context.#run
  }

  /** The run behind a context of this package; null for any other. */
  static ownRun(context: object): HandledRun | null {
    return #run in context ? context.#run : null
  }

  get complete(): JobContext['complete'] {
    return (options?: unknown) => {
      const refusal = refusalOfSession('ctx.complete', options)
      if (refusal !== null) return unwatched(Promise.reject(refusal))
      const verdict =
        isRecord(options) && Object.hasOwn(options, 'result') ? completedWith(options.result) : COMPLETE
      return this.#run.settleByHand(verdict) as Promise<CompleteResult>
    }
  }

  get fail(): JobContext['fail'] {
    return (reason) => this.#run.settleByHand(failed(reason)) as Promise<FailResult>
  }

  get failFatal(): JobContext['failFatal'] {
    return (reason) => this.#run.settleByHand(failedFatally(reason)) as Promise<FailFatalResult>
  }

  get heartbeat(): JobContext['heartbeat'] {
    return () => unwatched(this.#run.heartbeat())
  }

  get progress(): JobContext['progress'] {
    return async (value) => this.#run.tools.progress(value)
  }

  get transaction(): JobContext['transaction'] {
    return (work, options) =>
      unwatched(this.#run.tools.transact((session) => work(session as never), options))
  }

  get session(): JobContext['session'] {
    return (() => unwatched(this.#run.tools.session())) as JobContext['session']
  }
}

function signalOf(this: RunContext): AbortSignal {
  return RunContext.runOf(this).aborting.signal
}
