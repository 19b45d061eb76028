import { apart } from '../base/app-code'
import type { DurablError } from '../base/errors'

/** The abort signal of a run. Made when first asked for: most handlers never do. */
export class RunSignal {
  /** The reason for the abort; null while there was none. */
  reason: DurablError | null = null
  private controller: AbortController | null = null

  get signal(): AbortSignal {
    if (this.controller === null) {
      this.controller = new AbortController()
      if (this.reason !== null) this.controller.abort(this.reason)
    }
    return this.controller.signal
  }

  /**
   * The shutdown aborted it, and the handler has asked for it. So a handler that returns has perhaps stopped halfway, and no sign shows it: the
   * job is done again rather than lost.
   */
  get wasHeeded(): boolean {
    return this.controller !== null && this.reason?.code === 'ERR_DURABL_SHUT_DOWN'
  }

  /** The first reason counts. */
  abort(reason: DurablError): void {
    if (this.reason !== null) return
    this.reason = reason
    const { controller } = this
    // The handler's listeners are called by this.
    if (controller !== null) apart(() => controller.abort(reason))
  }
}
