import { canRelease, heldOrReadBack, settle, understood } from '../backend/calls'
import { RELEASE } from '../backend/verdict'
import type { Settled, Verdict } from '../backend/verdict'
import { Deferred } from '../base/deferred'
import { DurablError } from '../base/errors'
import { ManagedRun } from '../run/run'
import type { Run, RunListener, Settler } from '../run/settler'
import type { HeartbeatResult, Job, JobContext } from '../types'
import type { Processor } from './driver'
import type { JsProcessorHost } from './js-processor'

/**
 * Registers a processor with a backend that runs handlers inside `enqueue`. The backend claims and waits; the run itself is
 * managed as every other is, and settled through the context that the backend made for it.
 */
export function processInline(processor: Processor, host: JsProcessorHost): void {
  const { backend } = host
  if (typeof backend.registerHandler !== 'function') {
    throw new DurablError(
      'ERR_DURABL_UNSUPPORTED',
      'the backend has executesInline, but no registerHandler()',
    )
  }
  backend.registerHandler(processor.type, (job, ctx) => runInline(processor, host, job, ctx))
}

function runInline(processor: Processor, host: JsProcessorHost, job: Job, ctx: JobContext): Promise<void> {
  const over = new Deferred<void>()
  const listener: RunListener = {
    slotFreed() {},
    ended(run) {
      host.runs.remove(run)
      over.resolve()
    },
  }
  const { handler, timeoutMs } = processor
  const settler = new InlineSettler(host, ctx)
  const run = new ManagedRun(host.nextRunId(), job, {
    handler,
    timeoutMs,
    settler,
    transactions: host.transactions,
    listener,
    report: host.report,
  })
  host.runs.add(run)
  host.report.claimed(job)
  // The backend may outlive the queue, and still have its handler.
  if (host.isQuiescent) run.release()
  else run.start()
  return over.promise
}

/** Settles a run through the context of the backend that runs it. */
class InlineSettler implements Settler {
  constructor(
    private readonly host: JsProcessorHost,
    private readonly ctx: JobContext,
  ) {}

  settle(run: Run, verdict: Verdict): void {
    this.write(run, verdict).then(
      (found) => (found === null ? run.leftToExpire() : run.settled(found)),
      (err: unknown) => run.writeFailed(err),
    )
  }

  heartbeat(): Promise<HeartbeatResult> {
    return this.ctx.heartbeat()
  }

  suspend(): Promise<HeartbeatResult> {
    return this.ctx.heartbeat()
  }

  resume(run: Run): Promise<Settled | null> {
    return heldOrReadBack(this.host.backend, run.job, () => this.ctx.heartbeat())
  }

  completed(): void {}

  log(_run: Run, message: string): Promise<void> {
    return this.ctx.log(message)
  }

  private async write(run: Run, verdict: Verdict): Promise<Settled | null> {
    const { backend } = this.host
    // A context has no release: that is the backend's own.
    if (verdict.kind === 'release') return canRelease(backend) ? settle(backend, run.job, RELEASE) : null
    return understood(await this.say(verdict.kind, verdict.reason ?? ''), verdict, run.job)
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
