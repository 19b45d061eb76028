import { LeaseLostError } from '../base/errors'
import { Deferred } from '../base/deferred'
import { BOOTSTRAP } from '../journal/bootstrap'
import { Journal } from '../journal/records'
import { StepMachine } from '../orchestrator/machine'
import type { MachineHost, Outcome, Place } from '../orchestrator/host'
import { Scope } from '../orchestrator/scope'
import type { StepFunction, StepSettings } from '../orchestrator/step'
import { StandInSession } from '../memory/stand-in-session'
import type { AppendStepResult, Job, OrchestratorFn, StepRecord } from '../types'
import { checkOrchestration, checkSleepMs, checkStepName, readTestOptions } from '../validate'
import { TestJournal } from './test-journal'

/** The default of `now`: 2025-01-01, UTC. */
export const TEST_STARTED_AT = 1_735_689_600_000
/** The default of `seed`. */
export const TEST_SEED = 'durabl-test-seed'

/** Limits are by hand here: see `timeOut`. */
const NO_LIMITS = { maxDurationMs: null, deadlineMs: null }

/** A fault of a step in one attempt. */
interface Fault {
  readonly kind: 'crash-before' | 'crash-after' | 'lease-lost' | 'timeout'
  readonly step: string
  /** The place of the step among those of that name, from 1. */
  readonly occurrence: number
}

/** An orchestration on a journal in memory; documented in `testing.d.ts`. */
export class TestOrchestration<T = unknown> {
  readonly job: Job<T>
  readonly logs: string[] = []
  attempts = 0
  /** The sleep that the last attempt ended in. */
  parked: { kind: 'sleep'; until: Date } | null = null
  private nowMs: number
  private lastBody: OrchestratorFn<T>
  private readonly stepTimeoutMs: number
  private readonly journal: TestJournal

  constructor(
    private readonly body: OrchestratorFn<T>,
    options?: object,
  ) {
    checkOrchestration('testOrchestration', body)
    const { data, jobId, type, stepTimeoutMs, now, seed } = readTestOptions(options)
    const startedAt = now ?? TEST_STARTED_AT
    this.nowMs = startedAt
    this.lastBody = body
    this.stepTimeoutMs = stepTimeoutMs ?? 0
    this.job = {
      id: jobId ?? 'test-job-1',
      type: type ?? 'test-orchestration',
      data: data as T,
      status: 'active',
      attempt: 0,
      maxAttempts: 25,
      priority: 0,
      runAt: new Date(startedAt),
      createdAt: new Date(startedAt),
      claimedAt: new Date(startedAt),
      claimToken: 'test-claim-token',
    }
    this.journal = new TestJournal(this.job.id)
    this.journal.begin({
      ...BOOTSTRAP,
      result: { startedAt, seed: seed ?? TEST_SEED },
      ts: new Date(startedAt),
    })
  }

  get steps(): { seq: number; name: string; result: unknown }[] {
    return this.journal.steps()
  }

  async run(): Promise<void> {
    resolved(await this.attempt(this.body, null))
  }

  async advance(ms: number): Promise<void> {
    const end = this.nowMs + checkSleepMs('advance', ms)
    for (;;) {
      const wakeAt = this.parked?.until.getTime() ?? Infinity
      this.nowMs = Math.max(this.nowMs, Math.min(end, wakeAt))
      if (wakeAt > end) return
      resolved(await this.oneRun(this.lastBody, null))
    }
  }

  async resume(): Promise<void> {
    return this.run()
  }

  async resumeWith(body: OrchestratorFn<T>): Promise<void> {
    resolved(await this.attempt(checkOrchestration('resumeWith', body), null))
  }

  async crashBefore(step: string, options?: { occurrence?: number }): Promise<void> {
    await this.fails('crash-before', 'a crash', step, options)
  }

  async crashAfter(step: string, options?: { occurrence?: number }): Promise<void> {
    await this.fails('crash-after', 'a crash', step, options)
  }

  async loseLease(step: string, options?: { occurrence?: number }): Promise<void> {
    await this.fails('lease-lost', 'a lost lease', step, options)
  }

  async timeOut(step: string, options?: { occurrence?: number }): Promise<void> {
    await this.fails('timeout', 'a timeout', step, options)
  }

  private async fails(
    kind: Fault['kind'],
    what: string,
    step: string,
    { occurrence = 1 }: { occurrence?: number } = {},
  ): Promise<void> {
    const fault: Fault = { kind, step: checkStepName(kind, step), occurrence }
    let outcome = await this.attempt(this.body, fault)
    // The step may stand behind sleeps.
    while (this.parked !== null) {
      this.nowMs = Math.max(this.nowMs, this.parked.until.getTime())
      outcome = await this.oneRun(this.body, fault)
    }
    if (outcome === 'crashed' || (kind === 'lease-lost' && outcome.kind === 'cut-off')) return
    if (kind === 'timeout' && outcome.kind === 'threw' && isStepTimeout(outcome.error, step)) return
    if (outcome.kind === 'threw') throw outcome.error
    throw new Error(`expected ${what} at step '${step}', and the orchestration ended without it`)
  }

  private async attempt(body: OrchestratorFn<T>, fault: Fault | null): Promise<Outcome | 'crashed'> {
    this.attempts += 1
    this.job.attempt = this.attempts
    return this.oneRun(body, fault)
  }

  private async oneRun(body: OrchestratorFn<T>, fault: Fault | null): Promise<Outcome | 'crashed'> {
    this.lastBody = body
    this.parked = null
    const { job, journal, logs, stepTimeoutMs } = this
    const now = () => this.nowMs
    const outcome = await new TestAttempt(job, journal, logs, stepTimeoutMs, fault, now).run(body)
    if (outcome !== 'crashed' && outcome.kind === 'parked')
      this.parked = { kind: 'sleep', until: new Date(outcome.untilMs) }
    return outcome
  }
}

/** One attempt: a process that may die. */
class TestAttempt {
  private readonly crashed = new Deferred<'crashed'>()
  private readonly machine: TestMachine
  private seen = 0

  constructor(
    private readonly job: Job<any>,
    private readonly journal: TestJournal,
    private readonly logs: string[],
    private readonly stepTimeoutMs: number,
    private readonly fault: Fault | null,
    private readonly now: () => number,
  ) {
    this.machine = new TestMachine(new Journal(job.id, journal.read()), this.host(), NO_LIMITS)
    if (fault?.kind === 'timeout') this.machine.expires = (name) => this.isHit(name)
  }

  run(body: OrchestratorFn<any>): Promise<Outcome | 'crashed'> {
    const { machine, job, logs, stepTimeoutMs } = this
    const scope = new Scope(
      {
        machine,
        stepTimeoutMs,
        log: (message) => void logs.push(String(message)),
        heartbeat: async () => 'heartbeated',
      },
      '',
    )
    return Promise.race([machine.run(() => body({ ...job }, scope)), this.crashed.promise])
  }

  private host(): MachineHost {
    return {
      now: this.now,
      present: async () => this.now(),
      // Time stands still in an attempt, so that each sleep parks.
      at: () => () => {},
      transact: async (step) => {
        await step.work(StandInSession.make())
        const appended = await this.append(step.record())
        if (appended.status === 'already-recorded') return appended.existing
        if (appended.status === 'lease-lost') throw leaseLost()
        return null
      },
      parksFromMs: 0,
      sleepRefusal: null,
      leaseLost: () => {},
      firstRecord: () => {},
      racing: () => {},
      append: (record) => this.append(record),
    }
  }

  private async append(record: StepRecord): Promise<AppendStepResult> {
    if (this.machine.isFrozen) return new Promise<never>(() => {})
    const kind = this.fault !== null && this.isHit(record.name) ? this.fault.kind : null
    if (kind === 'lease-lost') return { status: 'lease-lost' }
    if (kind === 'crash-before') return this.die()
    const appended = this.journal.append(record)
    return kind === 'crash-after' ? this.die() : appended
  }

  /** True if the fault happens to this step. To be asked once for each step. */
  private isHit(name: string): boolean {
    if (this.fault === null || this.fault.step !== name) return false
    this.seen += 1
    return this.seen === this.fault.occurrence
  }

  /** The process is gone: nothing of it goes on. */
  private die(): Promise<never> {
    this.machine.freeze()
    this.crashed.resolve('crashed')
    return new Promise(() => {})
  }
}

/** A step machine in which the limit of a step can pass when a test says so. */
class TestMachine extends StepMachine {
  expires: (name: string) => boolean = () => false

  override step(place: Place, name: string, fn: StepFunction, settings: StepSettings): Promise<unknown> {
    return super.step(place, name, fn, this.expires(name) ? { ...settings, timeoutMs: 1 } : settings)
  }
}

function isStepTimeout(error: unknown, step: string): boolean {
  const { code, step: of } = (error ?? {}) as { code?: unknown; step?: unknown }
  return code === 'ERR_DURABL_STEP_TIMEOUT' && of === step
}

function resolved(outcome: Outcome | 'crashed'): void {
  if (outcome === 'crashed' || outcome.kind === 'returned' || outcome.kind === 'parked') return
  if (outcome.kind === 'threw') throw outcome.error
  throw leaseLost()
}

function leaseLost(): LeaseLostError {
  return new LeaseLostError('ERR_DURABL_LEASE_LOST', 'the lease was lost')
}

export function testOrchestration<T>(body: OrchestratorFn<T>, options?: object): TestOrchestration<T> {
  return new TestOrchestration(body, options)
}
