import type { ClientSession } from 'mongodb'
import { afterTransaction } from '../backend/after-transaction'
import { ShutDownError } from '../base/errors'
import { safeListener } from '../base/events'
import { later } from '../base/later'
import { childFor, defaultLogger, safeLogger } from '../base/logger'
import type { SafeLogger } from '../base/logger'
import { fromCaller } from '../base/stack'
import type * as Drivers from '../driver/create-driver'
import type { Driver } from '../driver/driver'
import { Reporter } from '../run/report'
import { SafeTelemetry } from '../run/telemetry'
import type { IJobQueueBackend, JobQueueOptions, Logger } from '../types'
import { checkBackend, checkLogger, normalizeQueueOptions } from '../validate'
import type { QueueSettings } from '../validate'
import { Defaults } from './defaults'

const drivers = later(() => require('../driver/create-driver') as typeof Drivers)

/**
 * - `open`: all calls work.
 * - `draining`: the shutdown has begun. Nothing is claimed any more, but running handlers may still enqueue and settle.
 * - `closed`: the backend was shut down.
 */
type State = 'open' | 'draining' | 'closed'

/**
 * Parts that every call of a queue uses, and its state. The calls stand in classes that extend each other, one for each capability;
 * `JobQueue` is the last of them.
 */
export abstract class QueueBase {
  readonly backend: IJobQueueBackend
  protected readonly settings: QueueSettings
  protected readonly logger: SafeLogger
  protected readonly report: Reporter
  protected readonly driver: Driver
  /** Null if there are none. */
  protected readonly defaults: Defaults | null
  /** Null if calls and runs are not followed. */
  protected readonly telemetry: SafeTelemetry | null
  protected state: State = 'open'

  protected constructor(backend: IJobQueueBackend, logger?: Logger, options?: JobQueueOptions) {
    this.backend = checkBackend('JobQueue', backend)
    const checkedLogger = checkLogger('JobQueue', logger)
    this.logger = safeLogger(
      checkedLogger === undefined ? defaultLogger : childFor(checkedLogger, 'JobQueue'),
    )
    this.settings = normalizeQueueOptions('JobQueue', options)
    const { visibilityTimeoutMs, autoRecover, onJobEvent, onJobChange, defaults, telemetry } = this.settings
    this.report = new Reporter(
      safeListener('onJobEvent', onJobEvent, this.logger),
      this.logger,
      safeListener('onJobChange', onJobChange, this.logger),
    )
    this.defaults = defaults === null ? null : new Defaults(defaults)
    this.telemetry = telemetry === null ? null : new SafeTelemetry(telemetry, this.logger)
    const parts = { report: this.report, telemetry: this.telemetry }
    this.driver = drivers().createDriver(this.backend, { visibilityTimeoutMs, autoRecover, ...parts })
  }

  get visibilityTimeoutMs(): number {
    return this.settings.visibilityTimeoutMs
  }

  /** No worker can find the job until the transaction is over. */
  protected wakeAfter(session: ClientSession, soonest: ReadonlyMap<string, number>): void {
    if (soonest.size === 0) return
    afterTransaction(session, (elapsedMs) => {
      for (const [type, delayMs] of soonest) this.driver.wake(type, Math.max(0, delayMs - elapsedMs))
    })
  }

  /** For calls that begin new work. */
  protected assertOpen(): void {
    if (this.state !== 'open') throw shutDownError()
  }

  /** For calls that a running handler may still need while the queue drains. */
  protected assertNotClosed(): void {
    if (this.state === 'closed') throw shutDownError()
  }
}

export function shutDownError(): ShutDownError {
  const message = 'the queue is shutting down, or has been shut down'
  return fromCaller(new ShutDownError('ERR_DURABL_SHUT_DOWN', message))
}
