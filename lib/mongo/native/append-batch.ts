/** Steps that are recorded in one turn of the event loop cross over to the engine together, and so reach the server in one command. */
import { Deferred } from '../../base/deferred'
import { afterMicrotasks } from '../../base/timers'
import type { NativeAppend, NativeAppended, NativeAppends, NativeFailure, Reply } from './addon'

/** The fate of an append. */
export type AppendOutcome = NativeAppended | { readonly failure: NativeFailure }

const APPENDED: NativeAppended = { status: 'appended', existing: null, bytes: null }

interface Waiting {
  readonly append: NativeAppend
  readonly outcome: Deferred<AppendOutcome>
}

export class AppendBatches {
  private waiting: Waiting[] = []

  constructor(private readonly write: (appends: NativeAppend[]) => Promise<Reply<NativeAppends>>) {}

  /** Never rejects. */
  add(append: NativeAppend): Promise<AppendOutcome> {
    const outcome = new Deferred<AppendOutcome>()
    this.waiting.push({ append, outcome })
    // By then all runs that an answer has resumed have come to their next step.
    if (this.waiting.length === 1) afterMicrotasks(() => void this.flush())
    return outcome.promise
  }

  private async flush(): Promise<void> {
    const batch = this.waiting
    this.waiting = []
    const { value, failure } = await this.write(batch.map(({ append }) => append))
    if (failure !== null) {
      for (const { outcome } of batch) outcome.resolve({ failure })
      return
    }
    const others = new Map(value.others.map((other) => [other.index, other]))
    for (const [index, { outcome }] of batch.entries()) {
      const other = others.get(index)
      if (other === undefined) outcome.resolve(APPENDED)
      else outcome.resolve(other.failure === null ? other.appended! : { failure: other.failure })
    }
  }
}
