import { unwatched } from '../base/deferred'
import { BOOTSTRAP, readBootstrap, seedOf } from '../journal/bootstrap'
import type { Bootstrap } from '../journal/bootstrap'
import { damaged } from '../journal/records'
import type { Journal } from '../journal/records'
import type { StepRecord } from '../types'

/** The time of the beginning of a job's first attempt, and the seed of its UUIDs: from the journal, or made at the first use. */
export class Beginning {
  /** The record on its way; null if there is none. A step waits for it: a crash after its effect must not bring another time. */
  recording: Promise<unknown> | null = null
  private known: Bootstrap | null = null

  constructor(
    private readonly journal: Journal,
    private readonly now: () => number,
  ) {}

  /**
   * @param append records it; null if nothing may be recorded any more
   * @throws DurablError `ERR_DURABL_JOURNAL_DAMAGED`
   */
  read(append: (record: StepRecord) => Promise<unknown> | null): Bootstrap {
    this.known ??= this.recorded() ?? this.make(append)
    return this.known
  }

  private recorded(): Bootstrap | null {
    const record = this.journal.at('', BOOTSTRAP.seq)
    if (record === null) return null
    const bootstrap = readBootstrap(record)
    if (bootstrap === null)
      throw damaged(this.journal.jobId, `the record at ${BOOTSTRAP.seq} is not one of ${BOOTSTRAP.name}`)
    return bootstrap
  }

  private make(append: (record: StepRecord) => Promise<unknown> | null): Bootstrap {
    const bootstrap = { startedAt: this.now(), seed: seedOf(this.journal.jobId) }
    const recording = append({ ...BOOTSTRAP, result: bootstrap, ts: new Date(bootstrap.startedAt) })
    if (recording === null) return bootstrap
    this.recording = unwatched(recording)
    recording.then(
      () => (this.recording = null),
      () => {},
    )
    return bootstrap
  }
}
