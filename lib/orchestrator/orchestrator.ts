import { DurablError } from '../base/errors'
import { later } from '../base/later'
import { childFor, defaultLogger, safeLogger } from '../base/logger'
import type { SafeLogger } from '../base/logger'
import {
  HeartbeatConfigConflict,
  OrchestrationUnsupportedError,
  OrchestratorTypeConflict,
} from '../base/orchestration-errors'
import { fromCaller } from '../base/stack'
import type { JobQueue, Logger, OrchestratorConfig, OrchestratorFn } from '../types'
import { checkLogger, checkOrchestration, checkJobQueue, checkType, readConfig } from '../validate'
import type * as Attempt from './attempt'
import type { Definition } from './attempt'
import { ClaimClock } from './clock'

const attempt = later(() => require('./attempt') as typeof Attempt)

/** Number of renewals that fit into a visibility timeout. */
const RENEWALS = 4

/** Runs orchestrations on a queue; documented in the public types. */
export class Orchestrator {
  private readonly queue: JobQueue<any>
  private readonly logger: SafeLogger
  private readonly clock = new ClaimClock()

  constructor(queue: JobQueue<any>, logger?: Logger) {
    this.queue = checkJobQueue('Orchestrator', queue)
    const checked = checkLogger('Orchestrator', logger)
    this.logger = safeLogger(checked === undefined ? defaultLogger : childFor(checked, 'Orchestrator'))
    if (this.queue.backend.executesInline === true) {
      throw fromCaller(
        new OrchestrationUnsupportedError(
          'executesInline',
          'this backend runs handlers inline, inside enqueue: use a DummyBackend, or testOrchestration of durabl/testing',
        ),
      )
    }
    this.queue.assertJournalCapable()
  }

  define(type: string, body: OrchestratorFn<any>, config?: OrchestratorConfig): void {
    const where = 'define'
    const checkedType = checkType(where, type)
    const checkedBody = checkOrchestration(where, body)
    const { visibilityTimeoutMs, stepTimeoutMs, maxDurationMs, deadlineMs, journal, ...processor } =
      readConfig(where, config)
    const reaperMs = this.queue.visibilityTimeoutMs
    if (visibilityTimeoutMs !== undefined && visibilityTimeoutMs > reaperMs)
      throw fromCaller(new HeartbeatConfigConflict(visibilityTimeoutMs, reaperMs))
    const definition: Definition = {
      type: checkedType,
      body: checkedBody,
      stepTimeoutMs: stepTimeoutMs ?? visibilityTimeoutMs ?? reaperMs,
      limits: { maxDurationMs: maxDurationMs ?? null, deadlineMs: deadlineMs ?? null },
      spill: journal === 'spill',
      warned: new Set(),
    }
    const { queue, clock, logger } = this
    // Now, so that no job waits for it.
    const { runAttempt } = attempt()
    const settings = { ...processor }
    if (visibilityTimeoutMs !== undefined)
      settings.heartbeatIntervalMs ??= Math.max(1, Math.floor(visibilityTimeoutMs / RENEWALS))
    try {
      queue.process<any>(
        checkedType,
        (job, ctx) => runAttempt({ queue, clock, logger }, definition, job, ctx),
        settings,
      )
    } catch (error) {
      throw isDuplicate(error) ? fromCaller(new OrchestratorTypeConflict(checkedType)) : error
    }
  }
}

function isDuplicate(error: unknown): boolean {
  return error instanceof DurablError && error.code === 'ERR_DURABL_DUPLICATE_PROCESSOR'
}
