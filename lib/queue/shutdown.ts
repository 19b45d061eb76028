import { shutDown as shutBackend } from '../backend/calls'
import { ShutDownError } from '../base/errors'
import type { SafeLogger } from '../base/logger'
import { settlesWithin } from '../base/timers'
import type { Driver } from '../driver/driver'
import type { IJobQueueBackend } from '../types'
import type { Grace } from './grace'

/** Time that a handler has to react to the abort of its signal. */
const REACTION_MS = 250
/** Time that the releases after that may take. */
const RELEASE_MS = 350
/** The time of a whole shutdown, beside the grace: less than the second that is promised. */
const OVERTIME_MS = 900

/** Parts of the queue that a shutdown ends. */
export interface ShutdownParts {
  readonly driver: Driver
  readonly backend: IJobQueueBackend
  readonly logger: SafeLogger
  /** The queue leaves the backend. False if another works on it: then it stays. */
  readonly leave: () => boolean
}

/**
 * Ends a queue in five steps. Claims stop; running handlers get the grace; their signals are aborted; the remaining jobs are released; the
 * backend shuts down. No step can hold up the ones after it, whatever a handler or the backend does. Never rejects.
 */
export async function shutDown(parts: ShutdownParts, grace: Grace): Promise<void> {
  const graceMs = grace.left()
  const { driver, logger } = parts
  attempt(logger, () => driver.quiesce())
  if (!(await grace.covers(driver.idle()))) {
    logger.warn({ timeoutMs: graceMs }, 'shutdown: handlers are still running; aborting them')
    attempt(logger, () =>
      driver.abort(new ShutDownError('ERR_DURABL_SHUT_DOWN', 'the queue is shutting down')),
    )
    if (!(await settlesWithin(driver.idle(), Math.min(REACTION_MS, grace.left(OVERTIME_MS))))) {
      attempt(logger, () => driver.releaseAll())
      await settlesWithin(driver.idle(), Math.min(RELEASE_MS, grace.left(OVERTIME_MS)))
    }
  }
  // The backend gets the rest of the grace, too; however little is left, it gets a moment.
  if (parts.leave()) await shutBackendDown(parts, grace, Math.max(graceMs, OVERTIME_MS))
  attempt(logger, () => driver.close())
}

async function shutBackendDown(
  { backend, logger }: ShutdownParts,
  grace: Grace,
  mostMs: number,
): Promise<void> {
  const limitMs = Math.min(grace.left(OVERTIME_MS), mostMs)
  const ended = shutBackend(backend, limitMs).catch((err: unknown) =>
    logger.error({ err }, 'shutdown: the backend failed to shut down'),
  )
  if (!(await grace.covers(ended, OVERTIME_MS)))
    logger.warn({ limitMs }, 'shutdown: the backend is not done; leaving it')
}

function attempt(logger: SafeLogger, step: () => void): void {
  try {
    step()
  } catch (err) {
    logger.error({ err }, 'shutdown: a step failed; going on')
  }
}
