/** The open work of an attempt: the steps that are running, and all that its end waits for. */
import { afterMicrotasks, settlesWithin } from '../base/timers'
import { isFatal } from './ends'
import { RunningStep } from './step'

export class Underway {
  readonly running = new Set<RunningStep>()
  /** Steps between two tries, for long: the job may be parked beside them. */
  private readonly waiting = new Set<RunningStep>()
  /** Steps, and the bootstrap record. */
  private readonly unended = new Set<Promise<unknown>>()
  private readonly branches = new Set<Promise<unknown>>()
  private currentTurn: object | null = null

  /** @param stepEnded a step has ended */
  constructor(private readonly stepEnded: () => void) {}

  /** The present turn of the event loop: calls in one turn take their places in a fixed order. */
  turn(): object {
    if (this.currentTurn === null) {
      this.currentTurn = {}
      afterMicrotasks(() => (this.currentTurn = null))
    }
    return this.currentTurn
  }

  /** A running step that began in another turn; null if there is none. */
  otherThan(turn: object): RunningStep | null {
    for (const step of this.running) if (step.turn !== turn) return step
    return null
  }

  whileRunning<R>(name: string, work: (step: RunningStep) => Promise<R>): Promise<R> {
    const step = new RunningStep(name, this.turn(), isFatal)
    this.running.add(step)
    return this.untilEnded(this.runStep(step, work))
  }

  /** Steps that have begun, and may go on. */
  begun(): RunningStep[] {
    return [...this.running, ...this.waiting]
  }

  /** A step waits between two tries, and does not count as running. */
  async whileWaiting(step: RunningStep, wait: Promise<void>): Promise<void> {
    this.running.delete(step)
    this.waiting.add(step)
    this.stepEnded()
    await step.untilAborted(wait)
    this.waiting.delete(step)
    this.running.add(step)
  }

  untilEnded<R>(promise: Promise<R>): Promise<R> {
    return keptUntilEnded(this.unended, promise)
  }

  whileBranching<R>(promise: Promise<R>): Promise<R> {
    return keptUntilEnded(this.branches, promise)
  }

  /**
   * Resolves when all has ended: to the first failure, or to null. The end of a step may start further steps, in code that was not awaited
   * either.
   */
  async end(): Promise<{ readonly error: unknown } | null> {
    while (this.unended.size + this.branches.size > 0) {
      for (const end of await Promise.allSettled([...this.unended, ...this.branches]))
        if (end.status === 'rejected') return { error: end.reason }
    }
    return null
  }

  /** Waits for the work alone: a branch that sleeps would not end, and one that goes on is refused its next step. */
  async endWithin(limitMs: number): Promise<void> {
    if (this.unended.size > 0) await settlesWithin(Promise.allSettled([...this.unended]), limitMs)
  }

  private async runStep<R>(step: RunningStep, work: (step: RunningStep) => Promise<R>): Promise<R> {
    try {
      return await work(step)
    } finally {
      this.running.delete(step)
      this.stepEnded()
    }
  }
}

function keptUntilEnded<R>(kept: Set<Promise<unknown>>, promise: Promise<R>): Promise<R> {
  kept.add(promise)
  const ended = () => void kept.delete(promise)
  promise.then(ended, ended)
  return promise
}
