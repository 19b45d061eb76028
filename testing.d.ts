/**
 * Tests of orchestrations without a queue, a server or timers: the real step machine over a journal in memory.
 *
 * ```ts
 * import { testOrchestration } from 'durabl/testing'
 *
 * const trip = testOrchestration(body, { data: { row: 7 } })
 * await trip.crashAfter('charge')
 * await trip.resume()
 * assert.equal(charges.length, 1)
 * ```
 *
 * @packageDocumentation
 */
import type { Job, LeaseLostError, OrchestratorFn } from './index.js'

/** The default of {@link TestOrchestrationOptions.now}: 2025-01-01, UTC, in milliseconds since the epoch. */
export const TEST_STARTED_AT: 1735689600000
/** The default of {@link TestOrchestrationOptions.seed}. */
export const TEST_SEED: 'durabl-test-seed'

/** Options of {@link testOrchestration}. */
export interface TestOrchestrationOptions<T = unknown> {
  /** The job's payload. Default: undefined. */
  data?: T | undefined
  /** The job's id, of which the keys of steps are made. Default `'test-job-1'`. */
  jobId?: string | undefined
  /** The job's type. Default `'test-orchestration'`. */
  type?: string | undefined
  /** The limit of each step, in milliseconds; 0 for none. Default 0. */
  stepTimeoutMs?: number | undefined
  /** The time that `octx.now()` tells, in milliseconds since the epoch. Default {@link TEST_STARTED_AT}. */
  now?: number | undefined
  /** The seed of `octx.uuid()`. Default {@link TEST_SEED}. */
  seed?: string | undefined
}

/** A step that was recorded. */
export interface RecordedStep {
  /** Its place. */
  seq: number
  /** Its name. */
  name: string
  /** Its result; `undefined` for a step that returned none. */
  result: unknown
}

/** Which of the steps of one name a fault happens to. */
export interface FaultOptions {
  /** 1 for the first one in the attempt, which is the default. */
  occurrence?: number | undefined
}

/** An orchestration under test. Its journal outlives each attempt. */
export class TestOrchestration<T = unknown> {
  constructor(body: OrchestratorFn<T>, options?: TestOrchestrationOptions<T>)
  /** The job: active, with `maxAttempts` 25. */
  readonly job: Job<T>
  /** The lines that all attempts have logged. */
  readonly logs: string[]
  /** The number of attempts. */
  attempts: number
  /** The recorded steps, by ascending place. */
  get steps(): RecordedStep[]
  /** An attempt. Rejects with what the orchestration throws, as it was thrown. */
  run(): Promise<void>
  /** The same, for the reader of a test. */
  resume(): Promise<void>
  /** The sleep that the orchestration is parked in; null if it is not. */
  parked: {
    /** The kind of the wait. */
    kind: 'sleep'
    /** When it ends, by the clock of the test. */
    until: Date
  } | null
  /**
   * Moves the clock of the test, which stands still otherwise and begins at `now` of the options. Each sleep that ends meanwhile is
   * answered at its moment, by the code that ran last. A wake-up is no attempt.
   *
   * ```ts
   * await trial.run()
   * await trial.advance(7 * 24 * 60 * 60 * 1000)
   * ```
   *
   * @param ms from 0 to a hundred years
   */
  advance(ms: number): Promise<void>
  /** An attempt by other code, as after a deploy. */
  resumeWith(body: OrchestratorFn<T>): Promise<void>
  /**
   * An attempt whose process dies when the function of a step has run, before its result is recorded. Nothing of the attempt goes on.
   *
   * @throws an error that begins with `expected a crash` if the orchestration ended before; what it threw, if it threw
   */
  crashBefore(step: string, options?: FaultOptions): Promise<void>
  /** The same, when the result of the step has been recorded. */
  crashAfter(step: string, options?: FaultOptions): Promise<void>
  /** An attempt that loses its lease as a step is to be recorded: {@link LeaseLostError}, which the orchestration can't hide. */
  loseLease(step: string, options?: FaultOptions): Promise<void>
  /** An attempt in which the limit of a step passes: its signal aborts, and the attempt fails. */
  timeOut(step: string, options?: FaultOptions): Promise<void>
}

/** An orchestration under test. */
export function testOrchestration<T = unknown>(
  body: OrchestratorFn<T>,
  options?: TestOrchestrationOptions<T>,
): TestOrchestration<T>

/** The end of a simulated process. For tests that simulate one by themselves. */
export class SimulatedCrash extends Error {
  constructor(step: string, phase: 'before' | 'after')
  /** The step. */
  readonly step: string
  /** On which side of its record. */
  readonly phase: 'before' | 'after'
}
