import { copyOfResult } from '../journal/result'
import { checkName } from '../journal/records'
import { decodeResult, sizeOfResult } from '../journal/result'
import { JournalTooLarge } from '../base/orchestration-errors'
import { installedPackage } from '../mongo/bson/package'
import type { Bson } from '../mongo/bson/package'
import type { AppendStepResult, StepRecord } from '../types'

const LIMIT_BYTES = 8_000_000

/** The journal of a test, in memory. Its values went the way of a real one: later changes do not reach them. */
export class TestJournal {
  readonly records: StepRecord[] = []
  private bytes = 0
  private readonly bson = bsonIfInstalled()

  constructor(private readonly jobId: string) {}

  /** Takes a record without counting it, as it was there before. */
  begin(record: StepRecord): void {
    this.records.push(record)
  }

  append(record: StepRecord): AppendStepResult {
    const existing = this.records.find(({ seq, path }) => seq === record.seq && path === record.path)
    if (existing !== undefined) {
      checkName(this.jobId, existing, record.name)
      return { status: 'already-recorded', existing: this.copyOf(existing) }
    }
    const bytes = this.bytes + sizeOfResult(record.name, record.result)
    if (bytes > LIMIT_BYTES) throw new JournalTooLarge(record.name, bytes)
    this.records.push(this.copyOf(record))
    this.bytes = bytes
    return { status: 'appended' }
  }

  /** As an attempt finds it. */
  read(): StepRecord[] {
    return this.records.map((record) => this.copyOf(record))
  }

  /** The steps without the records behind `now()` and between tries, with their results as they are answered. */
  steps(): { seq: number; name: string; result: unknown }[] {
    const steps = this.records.filter(({ seq }) => seq >= 0)
    return steps
      .sort((one, other) => one.seq - other.seq)
      .map((record) => {
        const { seq, name, result } = this.copyOf(record)
        return { seq, name, result: decodeResult(result) }
      })
  }

  private copyOf(record: StepRecord): StepRecord {
    return { ...record, result: this.pass(record.result) }
  }

  private pass(result: unknown): unknown {
    if (this.bson === null) return copyOfResult(result)
    const bytes = this.bson.serialize({ result }, { serializeFunctions: false, ignoreUndefined: false })
    return this.bson.deserialize(bytes).result
  }
}

/** An app that tests without MongoDB has no driver, perhaps. */
function bsonIfInstalled(): Bson | null {
  try {
    return installedPackage().BSON
  } catch {
    return null
  }
}
