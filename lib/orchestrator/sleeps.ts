/** The sleeps of an attempt that are open: each is answered in its time, or ends with the attempt. */
import { Deferred, unwatched } from '../base/deferred'
import type { Cancel } from '../base/timers'

/** A sleep that is open. */
interface OpenSleep {
  readonly name: string
  /** The turn of the event loop in which it began. */
  readonly turn: object
  readonly untilMs: number
  readonly answer: Deferred<void>
  cancel: Cancel
}

export class Sleeps {
  private readonly open = new Set<OpenSleep>()

  /**
   * @param at calls a function at a moment
   * @param changed one has been opened, or has ended
   */
  constructor(
    private readonly at: (momentMs: number, callback: () => void) => Cancel,
    private readonly changed: () => void,
  ) {}

  /** End of the first of them, in milliseconds since the epoch; null without any. */
  get soonestMs(): number | null {
    let soonest: number | null = null
    for (const { untilMs } of this.open) if (soonest === null || untilMs < soonest) soonest = untilMs
    return soonest
  }

  /** The name of one that began in another turn; null if there is none. */
  otherThan(turn: object): string | null {
    for (const sleep of this.open) if (sleep.turn !== turn) return sleep.name
    return null
  }

  /** Resolves at this moment, while the attempt goes on. */
  until(name: string, turn: object, untilMs: number): Promise<void> {
    const sleep: OpenSleep = { name, turn, untilMs, answer: new Deferred<void>(), cancel: () => {} }
    sleep.cancel = this.at(untilMs, () => {
      this.open.delete(sleep)
      sleep.answer.resolve()
      this.changed()
    })
    this.open.add(sleep)
    this.changed()
    return unwatched(sleep.answer.promise)
  }

  /** No more is answered. */
  end(): void {
    for (const { cancel } of this.open) cancel()
    this.open.clear()
  }

  /** The attempt is over: each is answered with the reason. */
  abort(reason: unknown): void {
    const ended = [...this.open]
    this.end()
    for (const { answer } of ended) answer.reject(reason)
  }
}
