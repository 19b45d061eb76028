/** The calls on schedules, over any store of them. Each reads, decides, and writes its decision only if nothing has changed since. */
import { isDeepStrictEqual } from 'node:util'
import { DurablError, argumentError } from '../base/errors'
import { fromCaller } from '../base/stack'
import type {
  ApplySchedulesResult,
  PauseScheduleResult,
  ResumeScheduleResult,
  ScheduleInfo,
  ScheduleResult,
  SkipScheduleResult,
  UnscheduleResult,
} from '../types'
import { quote } from '../validate/show'
import { checkMoment, checkOwner, checkScheduleId, readWish, readWishes } from './spec'
import type { Wish } from './spec'
import { MOST_SKIPPED, changed, created, infoOf, paused, resumed, skipping } from './stored'
import type { StoredSchedule } from './stored'

/** A change of one schedule. */
export interface Change<S extends StoredSchedule, P> {
  readonly id: string
  /** As it was read; null if it was not there. The change applies only if it is so still. */
  readonly from: S | null
  /** Null to remove it. */
  readonly to: StoredSchedule | null
  /** Null to keep the one that is there. */
  readonly payload: P | null
}

/** The store of schedules. `S` may carry the names by which the store knows them, `P` is a payload in the store's form. */
export interface ScheduleStore<S extends StoredSchedule, P> {
  /** @throws PayloadError */
  payloadOf(where: string, wish: Wish): P
  hasPayload(found: S, payload: P): boolean
  /** These schedules, or all of them by id; and the clock by which they come. */
  read(ids: readonly string[] | null): Promise<{ readonly now: number; readonly found: readonly S[] }>
  /** Tells for each change if it was applied. */
  write(changes: readonly Change<S, P>[]): Promise<readonly boolean[]>
  /** A list of an owner has changed schedules: their ids by what became of them. */
  applied?(owner: string, ids: Readonly<Record<'created' | 'updated' | 'removed', readonly string[]>>): void
}

/** The effect of a call on one schedule. */
interface Step<S extends StoredSchedule, P, Status> {
  readonly id: string
  readonly status: Status
  /** Null if nothing is to be written. */
  readonly change: Change<S, P> | null
}

/** Each failed try is another's success, so that a call which needs more of them is in a storm, and says so. */
const MOST_TRIES = 100

export class ScheduleBook<S extends StoredSchedule, P> {
  constructor(private readonly store: ScheduleStore<S, P>) {}

  async schedule(id: unknown, spec: unknown, job: unknown): Promise<ScheduleResult> {
    const wish = readWish('schedule', id, spec, job)
    const payload = this.store.payloadOf('schedule', wish)
    return this.change('schedule', wish.id, (found, now) => {
      if (found !== null) refuseOther('schedule', found, null)
      return this.fulfil(wish, payload, found, null, now)
    })
  }

  async applySchedules(owner: unknown, list: unknown): Promise<ApplySchedulesResult> {
    const where = 'applySchedules'
    const checked = checkOwner(where, owner)
    const wishes = readWishes(where, list)
    const payloads = wishes.map((wish, index) => this.store.payloadOf(`${where}: schedules[${index}]`, wish))
    const named = new Set(wishes.map(({ id }) => id))
    const statuses = new Map<string, keyof ApplySchedulesResult>()
    const decide = (all: readonly S[], now: number): Step<S, P, keyof ApplySchedulesResult>[] => {
      const found = new Map(all.map((schedule) => [schedule.id, schedule]))
      // Before anything is written.
      for (const { id } of wishes) if (found.has(id)) refuseOther(where, found.get(id)!, checked)
      const steps = wishes.map((wish, index) =>
        this.fulfil(wish, payloads[index]!, found.get(wish.id) ?? null, checked, now),
      )
      const gone = all.filter((schedule) => schedule.owner === checked && !named.has(schedule.id))
      return [...steps, ...gone.map((from) => step<S, P, 'removed'>(from.id, 'removed', removal(from)))]
    }
    await this.untilApplied(where, null, decide, (id, status) => {
      // A second round finds the writes of the first.
      if (status !== 'unchanged' || !statuses.has(id)) statuses.set(id, status)
    })
    const ids = { created: [], updated: [], unchanged: [], removed: [] } as Record<
      keyof ApplySchedulesResult,
      string[]
    >
    for (const [id, status] of statuses) ids[status].push(id)
    const { unchanged, ...others } = ids
    if (statuses.size > unchanged.length) this.store.applied?.(checked, others)
    return {
      created: ids.created.length,
      updated: ids.updated.length,
      unchanged: unchanged.length,
      removed: ids.removed.length,
    }
  }

  async unschedule(id: unknown): Promise<UnscheduleResult> {
    const checked = checkScheduleId('unschedule', id)
    return this.change('unschedule', checked, (from) =>
      from === null ? step(checked, 'not-found') : step(checked, 'removed', removal(from)),
    )
  }

  async pauseSchedule(id: unknown): Promise<PauseScheduleResult> {
    const checked = checkScheduleId('pauseSchedule', id)
    return this.change('pauseSchedule', checked, (from) => {
      if (from === null) return step(checked, 'not-found')
      return from.isPaused ? step(checked, 'unchanged') : step(checked, 'paused', patch(from, paused(from)))
    })
  }

  async resumeSchedule(id: unknown): Promise<ResumeScheduleResult> {
    const checked = checkScheduleId('resumeSchedule', id)
    return this.change('resumeSchedule', checked, (from, now) => {
      if (from === null) return step(checked, 'not-found')
      return from.isPaused
        ? step(checked, 'resumed', patch(from, resumed(from, now)))
        : step(checked, 'unchanged')
    })
  }

  async skipSchedule(id: unknown, occurrenceAt: unknown): Promise<SkipScheduleResult> {
    const where = 'skipSchedule'
    const checked = checkScheduleId(where, id)
    const moment = checkMoment(where, 'occurrenceAt', occurrenceAt)
    return this.change(where, checked, (from, now) => {
      if (from === null) return step(checked, 'not-found')
      if (from.skipped.includes(moment)) return step(checked, 'unchanged')
      const to = skipping(from, moment, now)
      if (to === null) return step(checked, 'no-occurrence')
      if (to.skipped.length > MOST_SKIPPED) {
        throw argumentError(
          RangeError,
          `${where}: ${MOST_SKIPPED} occurrences of ${quote(from.id)} are skipped already: pause it`,
        )
      }
      return step(checked, 'skipped', patch(from, to))
    })
  }

  async listSchedules(): Promise<ScheduleInfo[]> {
    const { found } = await this.store.read(null)
    return found.map(infoOf)
  }

  private fulfil(
    wish: Wish,
    payload: P,
    from: S | null,
    owner: string | null,
    now: number,
  ): Step<S, P, ScheduleResult['status']> {
    const { id } = wish
    if (from === null)
      return step<S, P, 'created'>(id, 'created', { id, from, to: created(wish, owner, now), payload })
    const to = changed(from, wish, owner, now)
    const isSame = isDeepStrictEqual([from.spec, from.job, from.owner], [to.spec, to.job, to.owner])
    if (isSame && this.store.hasPayload(from, payload)) return step(id, 'unchanged')
    return step(id, 'updated', { id, from, to, payload })
  }

  /** Changes one schedule: the decision is written, or made anew. */
  private async change<Status extends string>(
    where: string,
    id: string,
    decide: (found: S | null, now: number) => Step<S, P, Status>,
  ): Promise<{ status: Status }> {
    let status: Status | null = null
    const decideAll = (found: readonly S[], now: number) => [decide(found[0] ?? null, now)]
    await this.untilApplied(where, [id], decideAll, (_, applied) => (status = applied))
    return { status: status! }
  }

  /** @param ids null for all */
  private async untilApplied<Status>(
    where: string,
    ids: readonly string[] | null,
    decide: (found: readonly S[], now: number) => readonly Step<S, P, Status>[],
    applied: (id: string, status: Status) => void,
  ): Promise<void> {
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const { found, now } = await this.store.read(ids)
      const steps = decide(found, now)
      const changes = steps.flatMap(({ change }) => (change === null ? [] : [change]))
      const written = changes.length === 0 ? [] : await this.store.write(changes)
      const refused = new Set(changes.filter((_, index) => written[index] !== true))
      for (const { id, status, change } of steps) {
        if (change === null || !refused.has(change)) applied(id, status)
      }
      if (refused.size === 0) return
    }
    const message = `${where}: the schedule was changed ${MOST_TRIES} times in between: try again`
    throw fromCaller(new DurablError('ERR_DURABL_INTERNAL', message))
  }
}

function step<S extends StoredSchedule, P, Status>(
  id: string,
  status: Status,
  change: Change<S, P> | null = null,
): Step<S, P, Status> {
  return { id, status, change }
}

function patch<S extends StoredSchedule, P>(from: S, to: StoredSchedule): Change<S, P> {
  return { id: from.id, from, to, payload: null }
}

function removal<S extends StoredSchedule, P>(from: S): Change<S, P> {
  return { id: from.id, from, to: null, payload: null }
}

/** A schedule that stands in no list may be taken into one. */
function refuseOther(where: string, { id, owner: other }: StoredSchedule, owner: string | null): void {
  if (other === null || other === owner) return
  const message = `${where}: schedule ${quote(id)} belongs to owner ${quote(other)}: change it there, or choose another id`
  throw fromCaller(new DurablError('ERR_DURABL_SCHEDULE_OWNED', message))
}
