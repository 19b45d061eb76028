import { COMPLETE, RELEASE, failed } from '../backend/verdict'
import type { Settled, Verdict } from '../backend/verdict'
import type {
  CancelRequest,
  CancelResult,
  CompleteResult,
  DedupeScope,
  HeartbeatResult,
  QueueStats,
  RecordedJob,
  TerminalStatus,
} from '../types'
import type { Condition, MemorySettings, NewJob, RecoverySettings } from '../validate'
import { cancelled, hasExpired, isCancelledInstead, requestsAmong } from './cancelling'
import { copyOfResult } from '../journal/result'
import { hasFollower, holderOf, holdersOf, isBehindActive } from './dedupe'
import { endingOf, noteFailure } from './failures'
import { completeGivenUp, isGivenUp } from './journal'
import { KeptKeys } from './kept-keys'
import { Actions } from './actions'
import { backToPending, claimOrder, isFenced, isTerminal, reasonOfExpiry } from './lease'
import { addToLog, lineOf } from './log'
import type { LogLimits } from './log'
import { matches } from './matches'
import { OpenJobs } from './open-jobs'
import { park } from './parking'
import { Pauses } from './pauses'
import { retryDelayOf } from './retry'
import { statsOf } from './stats'
import { markOccurrence, newStoredJob } from './stored-job'
import type { NewOccurrence, StoredJob } from './stored-job'
import { ofExpiry, ofVerdict } from './transition'
import type { Transition } from './transition'

/** A verdict, and the value to keep. */
type Asked = Omit<Verdict, 'result'> & { readonly result: { readonly value: unknown } | null }

/** The fate of a job that was to be made. */
export type Made =
  | { readonly status: 'created'; readonly stored: StoredJob }
  | { readonly status: 'duplicate' | 'coalesced'; readonly id: string }

/**
 * The reference model of a queue of jobs, in memory and in one thread, so that nothing can come between a look and a write. The backends for
 * tests are skins over it, and MongoDB's results are compared with it.
 *
 * Arguments have been checked, and time comes from the clock it was given.
 */
export class MemoryModel {
  /** All jobs, in order of creation. One array for good: tests may hold on to it. */
  readonly jobs: RecordedJob[] = []
  /** By id. For the rules in files of their own, as is {@link open}. */
  readonly stored = new Map<string, StoredJob>()
  readonly open = new OpenJobs()
  readonly pauses = new Pauses()
  private readonly kept = new KeptKeys()
  readonly actions = new Actions()
  private lastId = 0
  /** Never starts again, so that a token from before a reset fits no job from after it. */
  private lastToken = 0

  /** @param idPrefix ids are this, and a number that counts up from 1 */
  constructor(
    private readonly idPrefix: string,
    private readonly settings: MemorySettings,
    private readonly limits: LogLimits,
  ) {}

  now(): number {
    return this.settings.clock()
  }

  reset(): void {
    this.jobs.length = 0
    this.stored.clear()
    this.open.clear()
    this.pauses.clear()
    this.kept.clear()
    this.actions.clear()
    this.lastId = 0
  }

  /** The new job; null if its key is held, or if it is an occurrence's that is there already, or its id is taken. */
  enqueue(job: NewJob, payload: unknown, occurrence?: NewOccurrence): StoredJob | null {
    const made = this.make(occurrence === undefined ? job : { ...job, id: occurrence.jobId }, payload)
    if (made.status === 'created' && occurrence !== undefined) markOccurrence(made.stored, occurrence)
    return made.status === 'created' ? made.stored : null
  }

  /** The new job, or the one in its way. */
  make(job: NewJob, payload: unknown): Made {
    const inTheWay = this.inTheWayOf(job)
    if (inTheWay !== null) {
      const { id } = inTheWay.job
      const isReplaced = job.coalesceLatest && this.replacePendingPayload(job, job.dedupeKey!, payload)
      return { status: isReplaced ? 'coalesced' : 'duplicate', id }
    }
    const stored = newStoredJob(job.id ?? this.newId(), job, payload, this.now())
    this.jobs.push(stored.job)
    this.stored.set(stored.job.id, stored)
    this.open.add(stored)
    if (job.dedupeForMs !== null) this.kept.keep(stored)
    return { status: 'created', stored }
  }

  private newId(): string {
    do this.lastId += 1
    while (this.stored.has(`${this.idPrefix}-${this.lastId}`))
    return `${this.idPrefix}-${this.lastId}`
  }

  /** A taken id decides the answer, even if another job holds the key. */
  private inTheWayOf({ id, dedupeKey, dedupeScope, dedupeForMs }: NewJob): StoredJob | null {
    const taken = id === null ? undefined : this.stored.get(id)
    if (taken !== undefined) return taken
    if (dedupeKey === null || dedupeScope === null) return null
    const kept = dedupeForMs === null ? null : this.kept.keeperOf(dedupeKey, this.now())
    const isStored = kept !== null && this.stored.get(kept.job.id) === kept
    return holderOf(this.open, dedupeKey, dedupeScope) ?? (isStored ? kept : null)
  }

  /** The new job, claimed; null if its key is held, and then, in scope `pending`, a follower is pending. */
  claimOrEnqueue(job: NewJob, payload: unknown): StoredJob | null {
    // A delay has no meaning for a job that starts at once, but has one for the follower.
    const stored = this.enqueue(job, payload)
    if (stored === null || this.pauses.has(job.type) || isBehindActive(this.open, stored)) return null
    stored.job.runAt = new Date(this.now())
    return this.claim(stored)
  }

  /** The first due job of a type, by priority, then by `runAt`, then by creation. */
  claimNext(type: string): StoredJob | null {
    return this.claimFirst(this.open.ofType(type), () => true)
  }

  /** A key may wait in both scopes, as they do not see each other: a follower goes first, even before higher priorities. */
  claimNextByKey(type: string, dedupeKey: string): StoredJob | null {
    const claimOf = (scope: DedupeScope) =>
      this.claimFirst(this.open.ofKey(dedupeKey), ({ job }) => job.type === type && job.dedupeScope === scope)
    return claimOf('pending') ?? claimOf('pending+active')
  }

  /** True if this very job can be claimed: it is due and its key is free. */
  isDue(stored: StoredJob): boolean {
    return this.isClaimable(stored, this.now())
  }

  /** Claims this very job, if it can be. */
  claimThis(stored: StoredJob): StoredJob | null {
    return this.isClaimable(stored, this.now()) ? this.claim(stored) : null
  }

  settle(id: string, token: string | undefined, verdict: Asked): Settled {
    const stored = this.stored.get(id)
    if (stored === undefined) return { status: 'not-found' }
    const { job } = stored
    if (isTerminal(job.status)) return { status: 'already-terminal', terminalStatus: job.status }
    if (!isFenced(job, token)) return { status: 'lease-lost' }
    const asked = ofVerdict(verdict.kind, this.situationOf(stored))
    const transition = isCancelledInstead(job, asked, verdict.byHand) ? 'cancelled' : asked
    this.write(stored, transition, verdict)
    return { status: transition } as Settled
  }

  /** The fate of a claim that may have been completed since. */
  readBack(id: string, token: string | undefined): CompleteResult {
    const job = this.stored.get(id)?.job
    if (job === undefined) return { status: 'not-found' }
    if (!isTerminal(job.status)) return { status: 'lease-lost' }
    const isOwn = job.status === 'completed' && job.claimToken === token
    return isOwn ? { status: 'completed' } : { status: 'already-terminal', terminalStatus: job.status }
  }

  heartbeat(id: string, token: string | undefined): HeartbeatResult {
    const job = this.stored.get(id)?.job
    if (job?.status !== 'active' || !isFenced(job, token)) return 'lease-lost'
    job.claimedAt = new Date(this.now())
    return 'applied'
  }

  /** As `complete`, and even for a job that a sweep has failed under this token. True if it applied. */
  completeClaimed(id: string, token: string): boolean {
    const job = this.stored.get(id)?.job
    if (job === undefined) return false
    if (isGivenUp(job, token)) {
      completeGivenUp(job, this.now())
      return true
    }
    return job.status === 'active' && this.settle(id, token, COMPLETE).status === 'completed'
  }

  /** Drops a line from a caller that has lost the lease. Without a token a line can be added at any time. */
  log(id: string, token: string | undefined, message: string): void {
    const stored = this.stored.get(id)
    if (stored === undefined) return
    if (isOwn(stored.job, token)) addToLog(stored, message, this.now(), this.limits)
  }

  progress(id: string, token: string | undefined, value: unknown): void {
    const job = this.stored.get(id)?.job
    if (job !== undefined && isOwn(job, token)) job.progress = copyOfResult(value ?? null)
  }

  /**
   * Takes expired leases away, the oldest first.
   *
   * @param isSpared jobs to leave alone
   * @returns the jobs it took
   */
  recover(settings: RecoverySettings, isSpared: (id: string) => boolean): RecordedJob[] {
    const expiredBefore = this.now() - settings.visibilityTimeoutMs
    this.endExpired()
    const claimedAt = ({ job }: StoredJob) => job.claimedAt?.getTime() ?? -Infinity
    const expired = [...this.open.all()]
      .filter((stored) => stored.job.status === 'active' && claimedAt(stored) <= expiredBefore)
      .filter(({ job }) => !isSpared(job.id))
      .sort((one, other) => claimedAt(one) - claimedAt(other))
      .slice(0, settings.maxPerSweep)
    for (const stored of expired) {
      const asked = ofExpiry(this.situationOf(stored))
      const transition = isCancelledInstead(stored.job, asked, false) ? 'cancelled' : asked
      this.write(stored, transition, failed(reasonOfExpiry(stored.job, transition)))
    }
    return expired.map(({ job }) => job)
  }

  /** Those that were not started in time, and that no claim has met. */
  endExpired(): void {
    for (const stored of [...this.open.all()]) this.endedAsExpired(stored, this.now())
  }

  /** A job that waits ends at once, and one that runs is marked. */
  cancel(id: string, reason: string | null): CancelResult {
    const stored = this.stored.get(id)
    if (stored === undefined) return { status: 'not-found' }
    const result = cancelled(stored.job, reason, this.now())
    if (result !== null) return result
    if (reason !== null) stored.job.cancelReason = reason
    this.write(stored, 'cancelled', RELEASE)
    delete stored.job.cancelReason
    return { status: 'cancelled' }
  }

  cancelRequests(ids: readonly string[]): CancelRequest[] {
    return requestsAmong(ids.flatMap((id) => this.stored.get(id) ?? []))
  }

  hasOutstanding(type: string, dedupeKey: string): boolean {
    for (const { job } of this.open.ofKey(dedupeKey)) if (job.type === type) return true
    return false
  }

  findOne(conditions: readonly Condition[]): StoredJob | null {
    for (const stored of this.stored.values()) if (matches(stored.job, conditions)) return stored
    return null
  }

  /** All jobs, in order of creation. */
  all(): Iterable<StoredJob> {
    return this.stored.values()
  }

  byId(id: string): StoredJob | null {
    return this.stored.get(id) ?? null
  }

  stats(type: string | undefined): QueueStats {
    return statsOf(type === undefined ? this.jobs : this.jobs.filter((job) => job.type === type), this.now())
  }

  jobOf(id: string): RecordedJob | null {
    return this.stored.get(id)?.job ?? null
  }

  /** The pending jobs under a key. */
  *pendingUnder(dedupeKey: string): Generator<StoredJob> {
    for (const stored of this.open.ofKey(dedupeKey)) if (stored.job.status === 'pending') yield stored
  }

  /** The pending jobs of a type, in claim order. */
  pendingOfType(type: string): StoredJob[] {
    return [...this.open.ofType(type)]
      .filter(({ job }) => job.status === 'pending')
      .sort((one, other) => claimOrder(one.job, other.job))
  }

  /** The next time at which a job becomes due or expires; null if there is none. In milliseconds since the epoch. */
  soonestFuture(): number | null {
    const now = this.now()
    let soonest = Infinity
    for (const { job } of this.open.all()) {
      if (job.status !== 'pending') continue
      const moments = [job.runAt.getTime(), job.attempt === 0 ? job.expiresAt?.getTime() : undefined]
      for (const moment of moments)
        if (moment !== undefined && moment > now && moment < soonest) soonest = moment
    }
    return soonest === Infinity ? null : soonest
  }

  private replacePendingPayload(job: NewJob, dedupeKey: string, payload: unknown): boolean {
    const { pending } = holdersOf(this.open, dedupeKey, 'pending')
    // Under one key there may be jobs of several types, and data means something only to its own.
    if (pending?.job.type !== job.type) return false
    pending.job.data = payload
    return true
  }

  private claimFirst(among: Iterable<StoredJob>, isWanted: (stored: StoredJob) => boolean): StoredJob | null {
    let first: StoredJob | null = null
    const now = this.now()
    for (const stored of among) {
      // Strictly, so that of equals the one created first stays first. Asked first, as it leaves out most.
      if (first !== null && claimOrder(stored.job, first.job) >= 0) continue
      if (isWanted(stored) && this.isClaimable(stored, now)) first = stored
    }
    return first === null ? null : this.claim(first)
  }

  private isClaimable(stored: StoredJob, now: number): boolean {
    const { status, runAt, type } = stored.job
    const isDue = status === 'pending' && runAt.getTime() <= now && !this.endedAsExpired(stored, now)
    return isDue && !this.pauses.has(type) && !isBehindActive(this.open, stored)
  }

  /** One that was not started in time ends instead of being claimed. */
  private endedAsExpired(stored: StoredJob, now: number): boolean {
    if (!hasExpired(stored.job, now)) return false
    this.write(stored, 'expired', RELEASE)
    return true
  }

  private claim(stored: StoredJob): StoredJob {
    const { job } = stored
    this.lastToken += 1
    job.status = 'active'
    job.attempt += 1
    job.claimedAt = new Date(this.now())
    job.claimToken = `${job.id}:${this.lastToken}`
    return stored
  }

  private situationOf(stored: StoredJob) {
    const { attempt, maxAttempts } = stored.job
    return { attempt, maxAttempts, hasFollower: hasFollower(this.open, stored) }
  }

  /** The one place where a job leaves `active`. */
  private write(stored: StoredJob, transition: Transition, verdict: Asked): void {
    const { job } = stored
    const reason = transition === 'cancelled' ? (job.cancelReason ?? null) : verdict.reason
    const line = lineOf(transition, verdict.kind === 'failFatal', reason)
    if (line !== null) addToLog(stored, line, this.now(), this.limits)
    noteFailure(job, transition, reason, verdict.stack, this.now())
    if (reason !== null && transition !== 'recovered') job.failReason = reason
    const ending = endingOf(transition, verdict.kind)
    if (ending !== null) job.ending = ending
    switch (transition) {
      case 'completed':
        if (verdict.result !== null) job.result = copyOfResult(verdict.result.value)
        return this.end(stored, 'completed')
      case 'failed-terminal':
        return this.end(stored, 'failed')
      case 'cancelled':
        job.failReason = reason ?? 'cancelled'
        return this.end(stored, 'failed')
      case 'expired':
        job.failReason = 'it was not started in time'
        return this.end(stored, 'failed')
      case 'superseded':
        return this.end(stored, 'superseded')
      case 'retry-scheduled':
        job.runAt = new Date(this.now() + (verdict.delayMs ?? retryDelayOf(job, this.settings.random())))
        return backToPending(job)
      case 'released':
        job.attempt = Math.max(0, job.attempt - 1)
        if (verdict.parkedUntil !== undefined) park(job, verdict.parkedUntil)
        else if (verdict.delayMs !== null) job.runAt = new Date(this.now() + verdict.delayMs)
        return backToPending(job)
      case 'recovered':
        return backToPending(job)
    }
  }

  private end(stored: StoredJob, status: TerminalStatus): void {
    const { job } = stored
    job.status = status
    if (status === 'completed') job.completedAt = new Date(this.now())
    else job.failedAt = new Date(this.now())
    this.open.remove(stored)
  }
}

/** True if a claim may add to its job: lines told within a transaction come after the completion. */
function isOwn(job: RecordedJob, token: string | undefined): boolean {
  return isFenced(job, token) || (job.status === 'completed' && job.claimToken === token)
}
