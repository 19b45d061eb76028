/** One attempt of an orchestration, as the handler of its job. */
import { canCancel, canRelease } from '../backend/calls'
import { isMarked } from '../backend/journal'
import { ownClockOf } from '../backend/own-clock'
import { LeaseLostError, ShutDownError, failureToError } from '../base/errors'
import type { SafeLogger } from '../base/logger'
import { OrchestrationUnsupportedError } from '../base/orchestration-errors'
import { afterLong } from '../base/long-timer'
import { isError } from '../base/reason'
import { after, monotonicNow } from '../base/timers'
import { Journal } from '../journal/records'
import { engineOf } from '../mongo/mongo-job-queue'
import { onDraining } from '../queue/draining'
import { completesLate } from '../run/late-completion'
import { GivenBack, Parked } from '../run/outcome'
import type { HeartbeatClaimedResult, Job, JobContext, JobQueue, OrchestratorFn, StepRecord } from '../types'
import type { ClaimClock } from './clock'
import type { MachineLimits } from './limits'
import { StepMachine } from './machine'
import type { MachineHost, Outcome } from './host'
import { Scope } from './scope'
import { transactStep } from './transaction'

/** A job that waits for less is not worth two more writes. */
const PARKS_FROM_MS = 1000
/** After a heartbeat that failed. */
const AGAIN_AFTER_MS = 250

/** A type's orchestration, and its settings. */
export interface Definition {
  readonly type: string
  readonly body: OrchestratorFn<any>
  readonly stepTimeoutMs: number
  readonly limits: MachineLimits
  /** Large results may stand beside the job. */
  readonly spill: boolean
  /** Warnings that were given: each is given once. */
  readonly warned: Set<string>
}

/** Parts that all attempts share. */
export interface AttemptParts {
  readonly queue: JobQueue<any>
  readonly clock: ClaimClock
  readonly logger: SafeLogger
}

/** Runs an attempt. Resolves with its result to complete the job, and rejects with the error that the job is to fail with. */
export async function runAttempt(
  parts: AttemptParts,
  definition: Definition,
  job: Job<any>,
  ctx: JobContext,
): Promise<unknown> {
  const { claimToken } = job
  if (typeof claimToken !== 'string' || claimToken === '') {
    throw new OrchestrationUnsupportedError(
      'claimToken',
      'the backend claimed a job without one, and nothing could be recorded under its claim',
    )
  }
  parts.clock.note(job.claimedAt)
  const journal = new Journal(job.id, await recordsOf(parts.queue, job))
  return new Attempt(parts, definition, job, ctx, claimToken, journal).run()
}

/** A claim of the engine's shows if there is a journal; most jobs have none, and cost no look. */
async function recordsOf(queue: JobQueue<any>, job: Job): Promise<readonly StepRecord[]> {
  if (engineOf(queue.backend) !== null && !isMarked(job)) return []
  return queue.readSteps(job.id)
}

class Attempt {
  private readonly machine: StepMachine
  private readonly scope: Scope
  private readonly ownClock: (() => number) | null
  /** The value that the orchestration has returned. */
  private result: unknown

  constructor(
    private readonly parts: AttemptParts,
    private readonly definition: Definition,
    private readonly job: Job<any>,
    private readonly ctx: JobContext,
    private readonly claimToken: string,
    journal: Journal,
  ) {
    this.ownClock = ownClockOf(parts.queue.backend)
    this.machine = new StepMachine(journal, this.host(), definition.limits)
    this.scope = new Scope(
      {
        machine: this.machine,
        stepTimeoutMs: definition.stepTimeoutMs,
        log: (message) => void ctx.log(message),
        heartbeat: () => this.heartbeat(),
      },
      '',
    )
  }

  async run(): Promise<unknown> {
    const { machine, job, definition } = this
    const unfollow = this.follow(this.ctx.signal)
    try {
      const outcome = await machine.run(async () => {
        this.result = await definition.body(job, this.scope)
      })
      return await this.ended(outcome)
    } finally {
      unfollow()
    }
  }

  /** Tells the machine of the end of the run, and of the beginning of a shutdown. */
  private follow(signal: AbortSignal): () => void {
    const { machine } = this
    const abort = () => machine.abort(signal.reason)
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
    const reason = 'the queue is shutting down: no step begins any more'
    const off = onDraining(this.parts.queue, () =>
      machine.stop(new ShutDownError('ERR_DURABL_SHUT_DOWN', reason)),
    )
    if (this.parts.queue.draining !== null) machine.stop(new ShutDownError('ERR_DURABL_SHUT_DOWN', reason))
    return () => {
      signal.removeEventListener('abort', abort)
      off()
    }
  }

  private async ended(outcome: Outcome): Promise<unknown> {
    const { job, claimToken, ctx } = this
    switch (outcome.kind) {
      case 'returned': {
        const complete = () => this.parts.queue.completeClaimed(job.id, claimToken)
        if (outcome.isLost) {
          // The work is done. If a sweep has failed the job meanwhile, it still completes.
          if ((await complete()) === 'completed') return undefined
          throw this.leaseLost()
        }
        completesLate(job, complete)
        // Looked at by this package: only an orchestration that has looked by itself may have stopped halfway.
        if (isShutDown(ctx.signal) && !this.scope.hasReadSignal) await ctx.complete({ result: this.result })
        return this.result
      }
      case 'threw':
        throw outcome.error
      case 'stopped':
        throw new GivenBack('the shutdown has begun')
      case 'parked':
        throw new Parked(outcome.untilMs, Math.max(1, outcome.untilMs - this.now()))
      case 'cut-off':
        // So that the run ends as one that has lost its lease.
        await ctx.heartbeat().catch(() => {})
        throw this.leaseLost()
    }
  }

  private leaseLost(): LeaseLostError {
    return new LeaseLostError('ERR_DURABL_LEASE_LOST', `the lease of job ${this.job.id} is lost`)
  }

  private host(): MachineHost {
    const { queue } = this.parts
    const { job, claimToken, ctx } = this
    const fields = { type: job.type, jobId: job.id }
    // Most jobs have no journal: a backend of the app may look at them.
    const options = this.definition.spill ? { spill: true } : undefined
    return {
      append: (record) => queue.appendStep(job.id, claimToken, record, options),
      leaseLost: () => void ctx.heartbeat().catch(() => {}),
      now: () => this.now(),
      present: async () => (await serverTime(queue)) ?? this.now(),
      at: (moment, callback) => afterLong(Math.max(0, moment - this.now()), callback),
      transact: (step) => transactStep(queue, job, claimToken, ctx, step, options),
      parksFromMs: canPark(queue, job) ? PARKS_FROM_MS : Infinity,
      sleepRefusal: job.dedupeScope === 'pending' ? noSleep() : null,
      firstRecord: () => {
        if (job.dedupeScope !== 'pending') return
        this.warnOnce('pending', fields, FOLLOWED)
      },
      racing: (running, called) => this.warnOnce('racing', { ...fields, running, called }, RACING),
    }
  }

  /** Milliseconds since the epoch. */
  private now(): number {
    return this.ownClock === null ? this.parts.clock.now() : this.ownClock()
  }

  private warnOnce(what: string, fields: object, message: string): void {
    const { warned } = this.definition
    if (warned.has(what)) return
    warned.add(what)
    this.parts.logger.warn(fields, message)
  }

  /** Tries again while the server is away and the lease lasts. */
  private async heartbeat(): Promise<HeartbeatClaimedResult> {
    const { machine, job, claimToken } = this
    const { queue } = this.parts
    const end = monotonicNow() + queue.visibilityTimeoutMs
    for (;;) {
      if (isLeaseLost(machine.controller.signal)) return 'lease-lost'
      try {
        const found = await queue.heartbeatClaimed(job.id, claimToken)
        if (found === 'lease-lost') machine.leaseLost()
        return found
      } catch (error) {
        if (!isPassing(error) || monotonicNow() > end) throw error
      }
      await new Promise<void>((resolve) => after(AGAIN_AFTER_MS, resolve))
    }
  }
}

const FOLLOWED =
  'an orchestration in dedupe scope "pending" records steps: if it fails while a follower waits, it ends as superseded, and the follower ' +
  'does the steps again under keys of its own. Give the steps keys of the entity (StepOptions.idempotencyKey)'
const RACING =
  'a step was called while an earlier step was still running. Steps that race for their places diverge when the job is ' +
  'resumed: put each sequence of steps into a branch (octx.branch)'

/** With these the same call may succeed later. */
const PASSING: ReadonlySet<unknown> = new Set([
  'ERR_DURABL_CONNECTION',
  'ERR_DURABL_TIMEOUT',
  'ERR_DURABL_SERVER',
])

function isPassing(error: unknown): boolean {
  return isError(error) && PASSING.has((error as { code?: unknown }).code)
}

function isLeaseLost({ aborted, reason }: AbortSignal): boolean {
  return aborted && (reason as { code?: unknown } | undefined)?.code === 'ERR_DURABL_LEASE_LOST'
}

/** The clock by which jobs come due; null if only claims show it. */
async function serverTime(queue: JobQueue<any>): Promise<number | null> {
  const link = engineOf(queue.backend)
  if (link === null) return null
  const { value, failure } = await link.native.serverTime()
  if (failure !== null) throw failureToError(failure, null)
  return value
}

/** True if the backend can have the job wait without counting an attempt. If not, the attempt waits in place. */
function canPark({ backend }: JobQueue<any>, { dedupeScope }: Job): boolean {
  return dedupeScope !== 'pending' && canRelease(backend) && canCancel(backend)
}

/** There the one pending place of the key is the follower's. */
function noSleep(): Error {
  return new OrchestrationUnsupportedError(
    'sleep',
    'a job of dedupe scope "pending" cannot sleep, as its pending place belongs to a follower: use scope "pending+active"',
  )
}

function isShutDown({ aborted, reason }: AbortSignal): boolean {
  return aborted && (reason as { code?: unknown } | undefined)?.code === 'ERR_DURABL_SHUT_DOWN'
}
