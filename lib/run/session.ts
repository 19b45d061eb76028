import type { ClientSession } from 'mongodb'
import { DurablError } from '../base/errors'

/** The session of a run's context: begun when it is first asked for, and ended with the handler. */
export class RunSession {
  private session: Promise<ClientSession> | null = null
  private hasEnded = false

  constructor(private readonly start: () => Promise<ClientSession>) {}

  /** Rejects once the handler has ended, as nothing would end a session that began then. */
  async get(): Promise<ClientSession> {
    if (this.hasEnded) {
      throw new DurablError(
        'ERR_DURABL_TRANSACTION',
        'ctx.session: the handler has ended, and so has its session: await every use of it within the handler, or use a session ' +
          'of your own',
      )
    }
    if (this.session === null) {
      this.session = this.start()
      // The next request may succeed.
      this.session.catch(() => (this.session = null))
    }
    return this.session
  }

  /** Twice is harmless. */
  end(): void {
    this.hasEnded = true
    this.session?.then((session) => session.endSession()).catch(() => {})
  }
}
