import type { ActionRecord } from '../types'
import type { Action } from '../validate'

/** The acts of operators, oldest first. */
export class Actions {
  private readonly records: ActionRecord[] = []
  private lastId = 0

  record(action: Action, now: number): string {
    this.lastId += 1
    const id = `action-${this.lastId}`
    this.records.push({ id, at: new Date(now), ...action })
    return id
  }

  list(before: string | null, limit: number): ActionRecord[] {
    const end = before === null ? this.records.length : this.records.findIndex(({ id }) => id === before)
    const older = end < 0 ? [] : this.records.slice(0, end)
    return older
      .reverse()
      .slice(0, limit)
      .map((record) => ({ ...record, at: new Date(record.at) }))
  }

  clear(): void {
    this.records.length = 0
  }
}
