import { callByRun } from '../../backend/by-run'
import { canRelease, heartbeat, settle, understood, writeLog } from '../../backend/calls'
import type { HandleCalls } from '../../backend/handle'
import type { Settled, Verdict } from '../../backend/verdict'
import { RunContext } from '../../run/context'
import type { HeartbeatResult, IJobQueueBackend, Job, JobContext } from '../../types'

/** Writes for one claim, through the methods that its backend offers. */
export interface ClaimWriter {
  /** Resolves to the result of the settlement; null if the claim was to be given back, and the backend has no way to do that. */
  settle(verdict: Verdict): Promise<Settled | null>
  heartbeat(): Promise<HeartbeatResult>
  log(message: string): Promise<void>
}

/** Writes through the backend's methods. */
export class BackendWriter implements ClaimWriter {
  constructor(
    private readonly backend: IJobQueueBackend,
    private readonly job: Job<any>,
  ) {}

  settle(verdict: Verdict): Promise<Settled | null> {
    if (verdict.kind === 'release' && !canRelease(this.backend)) return Promise.resolve(null)
    return settle(this.backend, this.job, verdict)
  }

  heartbeat(): Promise<HeartbeatResult> {
    return heartbeat(this.backend, this.job)
  }

  log(message: string): Promise<void> {
    return writeLog(this.backend, this.job, message)
  }
}

/** Writes through the context that the backend made for a handler which it calls by itself. */
export class ContextWriter implements ClaimWriter {
  constructor(
    private readonly backend: IJobQueueBackend,
    private readonly job: Job<any>,
    private readonly ctx: JobContext,
  ) {}

  async settle(verdict: Verdict): Promise<Settled | null> {
    // A context has no release: that is the backend's own.
    if (verdict.kind === 'release')
      return canRelease(this.backend) ? settle(this.backend, this.job, verdict) : null
    // The methods of a context settle by hand. One of this package can be told that the handler has ended.
    const own = RunContext.ownRun(this.ctx)
    if (own?.settle !== undefined) return own.settle(verdict)
    return understood(await this.say(verdict.kind, verdict.reason ?? ''), verdict, this.job)
  }

  heartbeat(): Promise<HeartbeatResult> {
    return this.ctx.heartbeat()
  }

  /** Not by the context: its own `log` hides a failure. */
  log(message: string): Promise<void> {
    return writeLog(this.backend, this.job, message)
  }

  private say(kind: 'complete' | 'fail' | 'failFatal', reason: string): Promise<unknown> {
    switch (kind) {
      case 'complete':
        return this.ctx.complete()
      case 'fail':
        return this.ctx.fail(reason)
      case 'failFatal':
        return this.ctx.failFatal(reason)
    }
  }
}

/** Writes through the methods of a handle. The run reports their results, and not the handle. */
export class HandleWriter implements ClaimWriter {
  constructor(private readonly calls: HandleCalls) {}

  settle(verdict: Verdict): Promise<Settled | null> {
    return callByRun(() => (verdict.kind === 'release' ? this.calls.giveBack(verdict) : this.calls.settle(verdict)))
  }

  heartbeat(): Promise<HeartbeatResult> {
    return callByRun(() => this.calls.heartbeat())
  }

  log(message: string): Promise<void> {
    return callByRun(() => this.calls.log(message))
  }
}
