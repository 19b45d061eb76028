/** Waits whose end the journal knows: sleeps, and those between two tries of a step. */
import type { Journal } from '../journal/records'
import { placeOfRetry } from '../journal/records'
import type { StepRecord } from '../types'
import { endOfWait } from './ends'
import type { MachineHost, Place } from './host'
import { pathWithin } from './replay'
import type { Sleeps } from './sleeps'
import type { RunningStep, Tries } from './step'
import type { Underway } from './underway'

/** A wait to be recorded. */
interface NewWait {
  readonly place: Place
  readonly name: string
  readonly kind: 'sleep' | 'retry'
}

/** The parts of a machine that its waits use. */
interface WaitingMachine {
  readonly controller: AbortController
  mayBegin(): void
  /** Resolves to the record that is in the journal then. */
  keep(place: Place, name: string, end: Pick<StepRecord, 'result' | 'kind'>): Promise<StepRecord>
}

export class Waits {
  constructor(
    private readonly machine: WaitingMachine,
    private readonly journal: Journal,
    private readonly host: MachineHost,
    private readonly sleeps: Sleeps,
    private readonly underway: Underway,
  ) {}

  /** Records the end of a wait, which the first call fixes. @param moment makes it of the present */
  async fix({ place, name, kind }: NewWait, moment: (presentMs: number) => number): Promise<StepRecord> {
    const result = new Date(moment(await this.host.present()))
    return this.machine.keep(place, name, { result, kind })
  }

  /** The tries of a step, after those of earlier attempts. Waits for its next one, if the journal says so. */
  async tries(step: RunningStep, place: Place): Promise<Tries> {
    const { name } = step
    const mayBegin = () => this.machine.mayBegin()
    const within = pathWithin(place)
    const failed = this.journal.failedAt(within)
    if (failed !== null) {
      await this.between(step, failed.record)
      mayBegin()
    }
    return {
      failed: failed?.count ?? 0,
      mayBegin,
      waitLong: async (count, delayMs) => {
        const wait: NewWait = { place: placeOfRetry(within, count), name, kind: 'retry' }
        await this.between(step, await this.fix(wait, (present) => present + delayMs))
      },
    }
  }

  /** Waits between two tries. The step holds up neither parking nor a shutdown meanwhile. */
  private async between(step: RunningStep, record: StepRecord): Promise<void> {
    const until = endOfWait(this.journal.jobId, record)
    if (until <= this.host.now() || this.machine.controller.signal.aborted) return
    await this.underway.whileWaiting(step, this.sleeps.until(step.name, step.turn, until))
  }
}
