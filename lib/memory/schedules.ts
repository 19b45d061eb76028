import { PREFIX, checkScheduleId } from '../schedule/spec'
import type { Wish } from '../schedule/spec'
import { firingOf } from '../schedule/due'
import { ScheduleBook } from '../schedule/book'
import type { Change, ScheduleStore } from '../schedule/book'
import type { StoredSchedule } from '../schedule/stored'
import type { RecordedJob, TriggerScheduleResult } from '../types'
import { checkPayload } from '../validate'
import { isDeepStrictEqual } from 'node:util'
import { Alarm } from './alarm'
import type { MemoryModel } from './model'

interface KeptSchedule extends StoredSchedule {
  readonly payload: unknown
}

/** Schedules in memory. They come by the model's clock, while something fires them. */
export class MemorySchedules implements ScheduleStore<KeptSchedule, { readonly data: unknown }> {
  readonly book = new ScheduleBook(this)
  private readonly kept = new Map<string, KeptSchedule>()
  private firing = 0
  private readonly alarm = new Alarm(
    () => this.soonest(),
    () => this.model.now(),
    () => this.fire(),
  )

  /** @param made called with each job that an occurrence has made */
  constructor(
    private readonly model: MemoryModel,
    private readonly made: (job: RecordedJob) => void,
  ) {}

  payloadOf(where: string, { data }: Wish): { readonly data: unknown } {
    checkPayload(where, data)
    return { data }
  }

  hasPayload(found: KeptSchedule, { data }: { readonly data: unknown }): boolean {
    return isDeepStrictEqual(found.payload, data)
  }

  async read(ids: readonly string[] | null): Promise<{ now: number; found: KeptSchedule[] }> {
    const wanted = ids ?? [...this.kept.keys()].sort()
    return { now: this.model.now(), found: wanted.flatMap((id) => this.kept.get(id) ?? []) }
  }

  async write(changes: readonly Change<KeptSchedule, { readonly data: unknown }>[]): Promise<boolean[]> {
    const applied = changes.map(({ id, from, to, payload }) => {
      if ((this.kept.get(id) ?? null) !== from) return false
      if (to === null) this.kept.delete(id)
      else this.kept.set(id, { ...to, payload: payload === null ? from?.payload : payload.data })
      return true
    })
    if (this.firing > 0) this.alarm.start()
    return applied
  }

  async trigger(id: unknown): Promise<TriggerScheduleResult> {
    const found = this.kept.get(checkScheduleId('triggerSchedule', id))
    if (found === undefined) return { status: 'not-found' }
    const stored = this.model.enqueue(found.job, found.payload)
    if (stored === null) return { status: 'duplicate' }
    this.made(stored.job)
    return { status: 'created', id: stored.job.id }
  }

  /** Fires from now on, until the returned function is called as often as this one was. */
  begin(): () => void {
    this.firing += 1
    this.alarm.start()
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      this.firing -= 1
      if (this.firing === 0) this.alarm.stop()
    }
  }

  stop(): void {
    this.firing = 0
    this.alarm.stop()
  }

  reset(): void {
    this.kept.clear()
    this.alarm.stop()
  }

  private soonest(): number | null {
    const moments = [...this.kept.values()].flatMap(({ nextRunAt }) => nextRunAt ?? [])
    return moments.length === 0 ? null : Math.min(...moments)
  }

  private fire(): void {
    const now = this.model.now()
    for (const schedule of [...this.kept.values()]) {
      const { id, job, payload, nextRunAt, skipped } = schedule
      if (nextRunAt === null || nextRunAt > now) continue
      const firing = firingOf({ ...schedule, nextRunAt }, now)
      for (const moment of firing.occurrences) {
        const occurrence = { jobId: `${PREFIX}${id}:${moment}`, id, occurrenceAt: new Date(moment) }
        const stored = this.model.enqueue(job, payload, occurrence)
        if (stored !== null) this.made(stored.job)
      }
      const { lastAt } = firing
      const left = skipped.filter((moment) => moment > lastAt)
      this.kept.set(id, { ...schedule, nextRunAt: firing.nextRunAt, lastAt, skipped: left })
    }
  }
}
