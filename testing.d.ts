/**
 * Tests of orchestrations without a queue, a server or timers: durabl's real step logic on a journal in memory.
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

/** The default of {@link TestOrchestrationOptions.now}: 2025-01-01 in UTC, as milliseconds since the epoch. */
export const TEST_STARTED_AT: 1735689600000
/** The default of {@link TestOrchestrationOptions.seed}. */
export const TEST_SEED: 'durabl-test-seed'

/** Options of {@link testOrchestration}. */
export interface TestOrchestrationOptions<T = unknown> {
  /** The job's payload. Default: undefined. */
  data?: T | undefined
  /** The job's id, from which the keys of steps are made. Default `'test-job-1'`. */
  jobId?: string | undefined
  /** The job's type. Default `'test-orchestration'`. */
  type?: string | undefined
  /** The time limit of each step, in milliseconds; 0 for none. Default 0. */
  stepTimeoutMs?: number | undefined
  /** The time that `octx.now()` returns, in milliseconds since the epoch. Default {@link TEST_STARTED_AT}. */
  now?: number | undefined
  /** The seed of `octx.uuid()`. Default {@link TEST_SEED}. */
  seed?: string | undefined
}

/** A recorded step. */
export interface RecordedStep {
  /** The step's place. */
  seq: number
  /** The step's name. */
  name: string
  /** The step's result; `undefined` if it returned none. */
  result: unknown
}

/** Selects one step among several of the same name for a fault. */
export interface FaultOptions {
  /** The number of the step of that name within the attempt; 1 for the first. Default 1. */
  occurrence?: number | undefined
}

/** An orchestration under test. Its journal outlives each attempt. */
export class TestOrchestration<T = unknown> {
  constructor(body: OrchestratorFn<T>, options?: TestOrchestrationOptions<T>)
  /** The job: active, with `maxAttempts` 25. */
  readonly job: Job<T>
  /** The lines that all attempts have logged so far. */
  readonly logs: string[]
  /** The number of attempts so far. */
  attempts: number
  /** The recorded steps, by ascending place. */
  get steps(): RecordedStep[]
  /** Makes an attempt. Rejects with the very error that the orchestration throws. */
  run(): Promise<void>
  /** The same as `run`, for tests that read better with it. */
  resume(): Promise<void>
  /** The sleep in which the orchestration is parked; null if it is not. */
  parked: {
    /** The kind of wait. */
    kind: 'sleep'
    /** When the sleep ends, by the clock of the test. */
    until: Date
  } | null
  /**
   * Moves the clock of the test, which begins at `now` of the options and otherwise stands still. Each sleep that ends in between returns
   * at its moment, in the code that ran last. A wake-up does not count as an attempt.
   *
   * ```ts
   * await trial.run()
   * await trial.advance(7 * 24 * 60 * 60 * 1000)
   * ```
   *
   * @param ms the step of the clock: from 0 to a hundred years
   */
  advance(ms: number): Promise<void>
  /** Makes an attempt with other code, as after a deploy. */
  resumeWith(body: OrchestratorFn<T>): Promise<void>
  /**
   * Makes an attempt whose process dies after the function of a step has run, and before its result is recorded. Nothing of the attempt goes on.
   * If sleeps stand before the step, the clock moves to the end of each.
   *
   * @throws an error that begins with `expected a crash` if the orchestration returned before the step; if it threw before, its error
   */
  crashBefore(step: string, options?: FaultOptions): Promise<void>
  /** Makes an attempt whose process dies after the result of a step has been recorded. Otherwise like `crashBefore`. */
  crashAfter(step: string, options?: FaultOptions): Promise<void>
  /** Makes an attempt that loses its lease when a step is to be recorded: {@link LeaseLostError}, which the orchestration can't hide. */
  loseLease(step: string, options?: FaultOptions): Promise<void>
  /** Makes an attempt in which a step exceeds its time limit: the signal aborts, and the attempt fails. */
  timeOut(step: string, options?: FaultOptions): Promise<void>
}

/** Puts an orchestration under test. */
export function testOrchestration<T = unknown>(
  body: OrchestratorFn<T>,
  options?: TestOrchestrationOptions<T>,
): TestOrchestration<T>

/** The error that ends a simulated process. For tests that simulate crashes by themselves. */
export class SimulatedCrash extends Error {
  constructor(step: string, phase: 'before' | 'after')
  /** The step. */
  readonly step: string
  /** `before` or `after` the record of the step. */
  readonly phase: 'before' | 'after'
}
