/** Schedules: their stored form, and their firing. */
import { randomUUID } from 'node:crypto'
import type { SafeLogger } from '../base/logger'
import { ScheduleBook } from '../schedule/book'
import type { Change, ScheduleStore } from '../schedule/book'
import { firingOf } from '../schedule/due'
import { checkScheduleId } from '../schedule/spec'
import type { Wish } from '../schedule/spec'
import type { TriggerScheduleResult } from '../types'
import type { Codec } from './bson/codec'
import { encodePayload } from './bson/payload'
import {
  FIELDS_OF_A_PATCH,
  FIELDS_OF_A_WHOLE,
  decodeAll,
  digestOf,
  documentOf,
  encodeFields,
  fieldsOf,
  readMoments,
  readSchedule,
  readStoredSpec,
} from './bson/schedule-document'
import type { MongoSchedule, SchedulePayload } from './bson/schedule-document'
import type { NativeEvent, NativeFiring, NativeScheduleChange } from './native/addon'
import type { EngineHandle } from './native/engine-handle'

type ScheduleChange = Change<MongoSchedule, SchedulePayload>

/** Changes that cross over to the engine in one call. */
const MOST_AT_ONCE = 1000

/** The schedules beside one collection of jobs. */
export class MongoSchedules implements ScheduleStore<MongoSchedule, SchedulePayload> {
  readonly book = new ScheduleBook(this)
  private firing = 0
  private isAnswering = false

  constructor(
    private readonly engine: EngineHandle,
    private readonly codec: Codec,
    private readonly refuseUnusable: () => void,
    private readonly logger: SafeLogger,
  ) {}

  payloadOf(where: string, { data }: Wish): SchedulePayload {
    const digest = digestOf(encodePayload(where, data, this.codec))
    this.refuseUnusable()
    return { data, digest }
  }

  hasPayload(found: MongoSchedule, payload: SchedulePayload): boolean {
    return found.digest === payload.digest
  }

  async read(ids: readonly string[] | null): Promise<{ now: number; found: MongoSchedule[] }> {
    this.refuseUnusable()
    const wanted = ids === null ? null : [...ids]
    const { nowMs, documents } = await this.engine.call((native) => native.schedules(wanted))
    return { now: nowMs, found: Array.from(decodeAll(documents, this.codec), readSchedule) }
  }

  async write(changes: readonly ScheduleChange[]): Promise<boolean[]> {
    const applied: boolean[] = []
    for (let start = 0; start < changes.length; start += MOST_AT_ONCE) {
      const part = changes.slice(start, start + MOST_AT_ONCE).map((change) => this.encode(change))
      applied.push(...(await this.engine.call((native) => native.changeSchedules(part))))
    }
    return applied
  }

  /** Two versions of an app that run side by side undo each other's list, which shows nowhere else. */
  applied(owner: string, ids: Readonly<Record<'created' | 'updated' | 'removed', readonly string[]>>): void {
    this.logger.info({ owner, ...ids }, 'a list has changed schedules')
  }

  async trigger(id: unknown): Promise<TriggerScheduleResult> {
    const checked = checkScheduleId('triggerSchedule', id)
    this.refuseUnusable()
    const triggered = await this.engine.call((native) => native.triggerSchedule(checked))
    // The engine sets the id exactly with this status.
    if (triggered.status === 'created') return { status: 'created', id: triggered.id ?? '' }
    return { status: triggered.status }
  }

  /** Fires from now on, until the returned function is called as often as this one was. */
  begin(): () => void {
    if (!this.isAnswering) this.engine.subscribe((event) => this.received(event))
    this.isAnswering = true
    this.firing += 1
    if (this.firing === 1) this.engine.native.fireSchedules(true)
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      this.firing -= 1
      if (this.firing === 0) this.engine.native.fireSchedules(false)
    }
  }

  private encode({ id, from, to, payload }: ScheduleChange): NativeScheduleChange {
    const change = { id, rev: from?.rev ?? null, nextMs: from?.nextRunAt ?? null }
    if (to === null) return { ...change, fields: null, unset: [] }
    const rev = randomUUID()
    if (from === null) {
      // A schedule is made with its payload, always.
      return { ...change, fields: encodeFields(documentOf(to, rev, payload!), this.codec), unset: [] }
    }
    const fields = fieldsOf(to, rev, payload)
    const mayBeMissing = payload === null ? FIELDS_OF_A_PATCH : FIELDS_OF_A_WHOLE
    const unset = mayBeMissing.filter((name) => !Object.hasOwn(fields, name))
    return { ...change, fields: encodeFields(fields, this.codec), unset }
  }

  private received(event: NativeEvent): void {
    if (event.kind !== 'schedules-due') return
    const firings: NativeFiring[] = []
    for (const [place, document] of [...decodeAll(event.documents, this.codec)].entries()) {
      const firing = this.firingOf(place, document, event.nowMs)
      if (firing !== null) firings.push(firing)
    }
    this.engine.native.schedulesAnswered(event.batch, firings)
  }

  /** Null if it can't be told: by a version of Node with fewer time zones, for one. Then another process may. */
  private firingOf(place: number, document: Record<string, unknown>, nowMs: number): NativeFiring | null {
    try {
      const spec = readStoredSpec(document.spec as Record<string, unknown>)
      const nextRunAt = (document.nextRunAt as Date).getTime()
      const skipped = readMoments(document.skipped)
      const firing = firingOf({ spec, nextRunAt, skipped }, nowMs)
      const occurrencesMs = new Float64Array(firing.occurrences)
      return { place, occurrencesMs, lastMs: firing.lastAt, nextMs: firing.nextRunAt }
    } catch (err) {
      this.logger.warn({ schedule: document._id, err }, 'the times of a schedule cannot be read')
      return null
    }
  }
}
