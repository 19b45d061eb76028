import { lookWith } from '../backend/query'
import { ShutDownError } from '../base/errors'
import { FailureStreak } from '../base/failure-streak'
import type { SafeLogger } from '../base/logger'
import { after, afterMicrotasks } from '../base/timers'
import type { Cancel } from '../base/timers'
import type { IJobQueueBackend, JobEnd, WaitForResult } from '../types'

/** The unit of all pauses: looks of different calls meet on it. It is the pause before a call's second look, too. */
const TICK_MS = 50
/** Ticks between two looks of a call, at most: a second. */
const LONGEST_PAUSE = 20
const GROWTH = 1.5
/** Ids of one query. */
const MOST_IDS = 1000
/** The longest that a last look may take, when the time is up. */
const LAST_LOOK_MS = 1000

/** One call that waits. */
interface Waiter {
  readonly id: string
  readonly settle: (result: WaitForResult) => void
  readonly fail: (reason: unknown) => void
  /** In ticks. */
  pause: number
  /** The tick of its next look. */
  dueAt: number
  isLast: boolean
}

/**
 * The calls of a queue that wait for the ends of jobs. They share their looks: each is one query for the jobs of all calls that are due for
 * one. The pauses of a call grow, so that a job that takes long costs little, and one that ends soon is reported soon.
 *
 * Time is counted in ticks of one timer, and no clock is read: fake timers are in charge of it.
 */
export class Waiting {
  private readonly waiters = new Map<string, Set<Waiter>>()
  private readonly streak: FailureStreak
  private tick = 0
  private timer: Cancel | null = null
  private isLooking = false
  private isLookPlanned = false

  constructor(
    private readonly backend: IJobQueueBackend,
    logger: SafeLogger,
  ) {
    this.streak = new FailureStreak(logger, 'waiting for the ends of jobs', {})
  }

  waitFor(id: string, timeoutMs: number | null, signal: AbortSignal | null): Promise<WaitForResult> {
    return new Promise((resolve, reject) => {
      const ends: Cancel[] = []
      const leave = () => {
        for (const end of ends) end()
        this.remove(waiter)
      }
      const waiter: Waiter = {
        id,
        settle: (result) => {
          leave()
          resolve(result)
        },
        fail: (reason) => {
          leave()
          // The app's own reason may be any value.
          // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
          reject(reason)
        },
        pause: 1,
        dueAt: this.tick,
        isLast: false,
      }
      if (signal !== null) {
        const aborted = () => waiter.fail(signal.reason)
        if (signal.aborted) return aborted()
        signal.addEventListener('abort', aborted)
        ends.push(() => signal.removeEventListener('abort', aborted))
      }
      if (timeoutMs !== null) {
        const timeIsUp = () => {
          waiter.isLast = true
          waiter.dueAt = this.tick
          ends.push(after(LAST_LOOK_MS, () => waiter.settle({ status: 'timed-out' })))
          this.lookSoon()
        }
        ends.push(after(timeoutMs, timeIsUp))
      }
      this.add(waiter)
      this.lookSoon()
    })
  }

  /** A job is known to have ended: the calls that wait for it need no later look. */
  hasEnded(id: string): void {
    const waiters = this.waiters.get(id)
    if (waiters === undefined) return
    for (const waiter of waiters) waiter.dueAt = this.tick
    this.lookSoon()
  }

  /** Ends all waits, as no look is possible any more. */
  end(): void {
    const message = 'waitFor: the queue was shut down before the job had ended'
    for (const waiter of this.all()) waiter.fail(new ShutDownError('ERR_DURABL_SHUT_DOWN', message))
  }

  private add(waiter: Waiter): void {
    const waiters = this.waiters.get(waiter.id)
    if (waiters === undefined) this.waiters.set(waiter.id, new Set([waiter]))
    else waiters.add(waiter)
    this.startTimer()
  }

  private remove(waiter: Waiter): void {
    const waiters = this.waiters.get(waiter.id)
    waiters?.delete(waiter)
    if (waiters?.size === 0) this.waiters.delete(waiter.id)
    if (this.waiters.size > 0) return
    this.timer?.()
    this.timer = null
  }

  private *all(): Generator<Waiter> {
    for (const waiters of [...this.waiters.values()]) yield* [...waiters]
  }

  /** One timer, for the soonest look of all. */
  private startTimer(): void {
    if (this.timer !== null || this.waiters.size === 0) return
    this.timer = after(TICK_MS, () => {
      this.timer = null
      this.tick += 1
      this.lookSoon()
      this.startTimer()
    })
  }

  /** In one query with those of the same turn. */
  private lookSoon(): void {
    if (this.isLookPlanned || this.isLooking) return
    this.isLookPlanned = true
    afterMicrotasks(() => {
      this.isLookPlanned = false
      void this.look()
    })
  }

  private async look(): Promise<void> {
    const due = [...this.all()].filter(({ dueAt }) => dueAt <= this.tick)
    if (due.length === 0) return
    this.isLooking = true
    for (const waiter of due) {
      waiter.dueAt = this.tick + Math.round(waiter.pause)
      waiter.pause = Math.min(LONGEST_PAUSE, waiter.pause * GROWTH)
    }
    try {
      const ends = await this.endsOf([...new Set(due.map(({ id }) => id))])
      this.streak.succeeded()
      for (const waiter of due) tell(waiter, ends.get(waiter.id))
    } catch (err) {
      this.streak.failed(err)
      for (const waiter of due) if (waiter.isLast) waiter.settle({ status: 'timed-out' })
    } finally {
      this.isLooking = false
    }
    // Some ends may have come, or the time may have run out, meanwhile.
    this.lookSoon()
  }

  private async endsOf(ids: readonly string[]): Promise<Map<string, JobEnd>> {
    const found = new Map<string, JobEnd>()
    const look = lookWith(this.backend, 'ends', 'waitFor')
    for (let start = 0; start < ids.length; start += MOST_IDS) {
      for (const end of await look(ids.slice(start, start + MOST_IDS))) found.set(end.id, end)
    }
    return found
  }
}

/** A job that is not there ends the wait, too: it was removed, or was never made. */
function tell(waiter: Waiter, job: JobEnd | undefined): void {
  if (job === undefined) return waiter.settle({ status: 'not-found' })
  const { status } = job
  switch (status) {
    case 'completed':
      return waiter.settle({ status, result: job.result })
    case 'failed': {
      const ending = job.ending as Extract<WaitForResult, { status: 'failed' }>['ending']
      return waiter.settle({ status, ending, failReason: job.failReason ?? '' })
    }
    case 'superseded':
      return waiter.settle({ status })
    case 'pending':
    case 'active':
      if (waiter.isLast) waiter.settle({ status: 'timed-out' })
  }
}
