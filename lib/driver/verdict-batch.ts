import type { NativeRunVerdict } from '../mongo/native'
import { afterMicrotasks } from '../timers'

/** A batch as large as this goes at once: the engine can write it while more handlers end. */
const FULL = 256

/**
 * Collects the verdicts of one turn of the event loop, so that one call into the engine carries them all. They leave when all
 * microtasks have run: a chain of short handlers, each started by the end of the one before, ends up in one batch.
 */
export class VerdictBatch {
  private verdicts: NativeRunVerdict[] = []

  constructor(private readonly finish: (verdicts: NativeRunVerdict[]) => void) {}

  add(verdict: NativeRunVerdict): void {
    this.verdicts.push(verdict)
    if (this.verdicts.length === 1) afterMicrotasks(() => this.flush())
    else if (this.verdicts.length >= FULL) this.flush()
  }

  private flush(): void {
    if (this.verdicts.length === 0) return
    const verdicts = this.verdicts
    this.verdicts = []
    this.finish(verdicts)
  }
}
