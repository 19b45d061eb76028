import { afterMicrotasks } from '../../base/timers'
import type { NativeFreedSlot, NativeRunVerdict } from '../../mongo/native/addon'

/** A batch as large as this goes at once: the engine can write it while more handlers end. */
const FULL = 256

/** Verdicts that travel together. The usual case is kept apart, and cheap. */
export class Verdicts {
  /** Runs that completed, and the time that each of their handlers ran. */
  readonly completed: number[] = []
  readonly elapsedMs: number[] = []
  readonly others: NativeRunVerdict[] = []
  /** Slots that come free without a verdict. */
  readonly freed: NativeFreedSlot[] = []

  add(verdict: NativeRunVerdict): void {
    const { kind, details, freesSlot } = verdict
    const isUsual = kind === 'complete' && freesSlot && !details.byHand && details.result === null
    if (!isUsual || verdict.elapsedMs === null) {
      this.others.push(verdict)
      return
    }
    this.completed.push(verdict.runId)
    this.elapsedMs.push(verdict.elapsedMs)
  }

  get size(): number {
    return this.completed.length + this.others.length + this.freed.length
  }

  /** The runs whose verdicts these are. */
  get runIds(): number[] {
    return [...this.completed, ...this.others.map(({ runId }) => runId)]
  }
}

/**
 * Collects the verdicts of one turn of the event loop, so that one call into the engine carries them all. They leave when all microtasks have
 * run. So a chain of short handlers, each started by the end of the one before, ends up in one batch.
 */
export class VerdictBatch {
  private verdicts = new Verdicts()

  constructor(private readonly finish: (verdicts: Verdicts) => void) {}

  add(verdict: NativeRunVerdict): void {
    this.verdicts.add(verdict)
    this.added()
  }

  addFreed(slot: NativeFreedSlot): void {
    this.verdicts.freed.push(slot)
    this.added()
  }

  private added(): void {
    if (this.verdicts.size === 1) afterMicrotasks(() => this.flush())
    else if (this.verdicts.size >= FULL) this.flush()
  }

  private flush(): void {
    if (this.verdicts.size === 0) return
    const verdicts = this.verdicts
    this.verdicts = new Verdicts()
    this.finish(verdicts)
  }
}
