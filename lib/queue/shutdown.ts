import { shutDown as shutBackend } from '../backend/calls'
import { ShutDownError } from '../base/errors'
import type { SafeLogger } from '../base/logger'
import { monotonicNow, settlesWithin } from '../base/timers'
import type { Driver } from '../driver/driver'
import type { IJobQueueBackend } from '../types'

/** How long a handler may take to react to the abort of its signal. */
const REACTION_MS = 250
/** How long the releases that follow may take. */
const RELEASE_MS = 350
/** All of it, beside the grace: less than the second that is promised. */
const OVERTIME_MS = 900

/** What a shutdown works on. */
export interface ShutdownParts {
  readonly driver: Driver
  readonly backend: IJobQueueBackend
  readonly logger: SafeLogger
}

/**
 * Ends a queue, in this order: no new claims; the grace for running handlers; their signals; what is left is released; the
 * backend. No step can hold up the ones after it, whatever a handler or the backend does. Never rejects.
 */
export async function shutDown(parts: ShutdownParts, timeoutMs: number): Promise<void> {
  const startedAt = monotonicNow()
  const left = () => Math.max(0, timeoutMs + OVERTIME_MS - (monotonicNow() - startedAt))
  const { driver, logger } = parts
  attempt(logger, () => driver.quiesce())
  if (!(await settlesWithin(driver.idle(), timeoutMs))) {
    logger.warn({ timeoutMs }, 'shutdown: handlers are still running; aborting them')
    attempt(logger, () =>
      driver.abort(new ShutDownError('ERR_DURABL_SHUT_DOWN', 'the queue is shutting down')),
    )
    if (!(await settlesWithin(driver.idle(), Math.min(REACTION_MS, left())))) {
      attempt(logger, () => driver.releaseAll())
      await settlesWithin(driver.idle(), Math.min(RELEASE_MS, left()))
    }
  }
  // The grace that was not needed is the backend's, too; however little is left, it gets a moment.
  await shutBackendDown(parts, Math.floor(Math.min(left(), Math.max(timeoutMs, OVERTIME_MS))))
  attempt(logger, () => driver.close())
}

async function shutBackendDown({ backend, logger }: ShutdownParts, limitMs: number): Promise<void> {
  const ended = shutBackend(backend, limitMs).catch((err: unknown) =>
    logger.error({ err }, 'shutdown: the backend failed to shut down'),
  )
  if (!(await settlesWithin(ended, limitMs)))
    logger.warn({ limitMs }, 'shutdown: the backend is not done; leaving it')
}

function attempt(logger: SafeLogger, step: () => void): void {
  try {
    step()
  } catch (err) {
    logger.error({ err }, 'shutdown: a step failed; going on')
  }
}
