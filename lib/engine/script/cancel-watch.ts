import { afterIfAlive } from '../../base/timers'
import type { Cancel } from '../../base/timers'
import type { CancelRequest, IJobQueueBackend } from '../../types'

/** The longest time until a running handler hears of a cancellation by another process. */
const INTERVAL_MS = 5000

/** Asks the backend from time to time which of the jobs that run here were asked to be cancelled. It does not ask while there are none. */
export class CancelWatch {
  private readonly jobIds = new Set<string>()
  private cancelTimer: Cancel | null = null

  constructor(
    private readonly backend: IJobQueueBackend,
    private readonly found: (request: CancelRequest) => void,
  ) {}

  add(jobId: string): void {
    this.jobIds.add(jobId)
    this.arm()
  }

  remove(jobId: string): void {
    this.jobIds.delete(jobId)
    if (this.jobIds.size === 0) this.stop()
  }

  stop(): void {
    this.cancelTimer?.()
    this.cancelTimer = null
  }

  private arm(): void {
    if (typeof this.backend.cancelRequests !== 'function') return
    this.cancelTimer ??= afterIfAlive(INTERVAL_MS, () => void this.look())
  }

  private async look(): Promise<void> {
    try {
      const requests = await this.backend.cancelRequests!([...this.jobIds])
      for (const request of requests) this.found(request)
    } catch {
      // A backend that can't be reached now says so elsewhere; the next look comes.
    }
    this.cancelTimer = null
    if (this.jobIds.size > 0) this.arm()
  }
}
