/** Handles of claimed jobs: those that the backends of this package make, and the use of one of any origin. */
import type { ClientSession } from 'mongodb'
import { LeaseLostError } from '../base/errors'
import { monotonicNow } from '../base/timers'
import type { CompleteResult, HeartbeatResult, IJobQueueBackend, Job, JobHandle } from '../types'
import { canCancel, canRelease, completeIn, heartbeat, settle, understood, writeLog } from './calls'
import { COMPLETE, RELEASE, byHand, failed, failedFatally } from './verdict'
import type { Settled, Verdict } from './verdict'

const METHODS = ['complete', 'fail', 'failFatal', 'heartbeat', 'release', 'log'] as const

/** A claim that was made here: this package knows more of it than its handle tells. */
export interface OwnClaim {
  /** The backend that made it. */
  readonly backend: object
  /** The handle without the events of a queue; null for a handle that is one itself. */
  readonly inner: JobHandle<any> | null
  /** Time at which the claim was sent, by the monotonic clock. */
  readonly sentAt: number
  /** A verdict of it was written. */
  isSettled: boolean
}

interface Marked {
  readonly claim: OwnClaim
  readonly methods: readonly unknown[]
}

const MARKED = new WeakMap<object, Marked>()

/** Marks a handle as one of this package, as it is now: a copy is not marked, and a replaced method ends the mark. */
export function mark<H extends JobHandle<any>>(handle: H, claim: OwnClaim): H {
  const fields = new Map<string, unknown>(Object.entries(handle))
  MARKED.set(handle, { claim, methods: METHODS.map((name) => fields.get(name)) })
  return handle
}

/** The claim of an unmodified handle of this package; null for every other handle. */
export function ownClaim(handle: object): OwnClaim | null {
  const marked = MARKED.get(handle)
  if (marked === undefined) return null
  const isUnmodified = METHODS.every((name, i) => (handle as JobHandle)[name] === marked.methods[i])
  return isUnmodified ? marked.claim : null
}

/**
 * Makes a handle of a claimed job, whose methods are calls to the backend. They are fields, so that they can be passed on
 * their own, and look the backend's methods up at each call.
 *
 * @param sentAt the time at which the claim was sent, by the monotonic clock
 */
export function backendHandle<T>(backend: IJobQueueBackend, job: Job<T>, sentAt: number): JobHandle<T> {
  const claim: OwnClaim = { backend, inner: null, sentAt, isSettled: false }
  const end = async (verdict: Verdict): Promise<any> => {
    const found = await settle(backend, job, byHand(verdict))
    claim.isSettled = true
    return found
  }
  const handle: JobHandle<T> = {
    ...job,
    status: 'active',
    complete: async (options) => {
      if (options?.session == null) return end(COMPLETE) as Promise<CompleteResult>
      const found = await completeIn(backend, job, options.session as ClientSession)
      if (found.status !== 'completed') throw notHeld(job, found.status)
      return found
    },
    fail: (reason) => end(failed(reason)),
    failFatal: (reason) => end(failedFatally(reason)),
    release: () => end(RELEASE),
    heartbeat: () => heartbeat(backend, job),
    log: (message) => writeLog(backend, job, message),
  }
  return mark(handle, claim)
}

/** An error and not a result: the transaction must not commit work on a job that is another's. */
export function notHeld(job: Job, status: string): LeaseLostError {
  return new LeaseLostError(
    'ERR_DURABL_LEASE_LOST',
    `complete: job ${job.id} cannot be completed in this transaction (${status}): its lease is lost, or was gained after the ` +
      'transaction had begun',
  )
}

/** A claim as a backend of any era answers it: a handle, or a plain job, of which one is made. */
export function handleOf<T>(
  backend: IJobQueueBackend,
  claimed: Job<T>,
  sentAt = monotonicNow(),
): JobHandle<T> {
  const isHandle = typeof (claimed as Partial<JobHandle<T>>).complete === 'function'
  return isHandle ? (claimed as JobHandle<T>) : backendHandle(backend, claimed, sentAt)
}

/** The fields that a job has, wherever a handle keeps them: as its own, or behind accessors of its class. */
const FIELDS = [
  ...[
    'id',
    'type',
    'data',
    'status',
    'attempt',
    'maxAttempts',
    'priority',
    'dedupeKey',
    'dedupeScope',
    'runAt',
  ],
  ...['createdAt', 'claimedAt', 'completedAt', 'failedAt', 'failReason', 'claimToken'],
] as (keyof Job)[]

/** The job of a handle, without its methods: its handler gets this. */
export function jobOfHandle<T>(handle: JobHandle<T>): Job<T> {
  const own = Object.entries(handle).filter(([, value]) => typeof value !== 'function')
  const job = Object.fromEntries(own) as unknown as Job<T>
  for (const field of FIELDS) {
    if (!(field in job) && handle[field] !== undefined) Object.assign(job, { [field]: handle[field] })
  }
  return job
}

/** Uses a handle of any origin through its own methods, and through those of the backend if it has none. */
export class HandleCalls {
  private readonly fallback: JobHandle<any>

  constructor(
    private readonly backend: IJobQueueBackend,
    private readonly handle: JobHandle<any>,
    readonly job: Job<any>,
  ) {
    this.fallback = backendHandle(backend, job, 0)
  }

  /** Writes a verdict of the owner. */
  async settle(verdict: Verdict): Promise<Settled> {
    // Methods of a handle settle by hand, and take no result. If they are the backend's own, the backend can take more.
    const isBackends = ownClaim(this.handle)?.backend === this.backend
    const says = !verdict.byHand || verdict.result !== null
    if (says && isBackends && canCancel(this.backend)) {
      return settle(this.backend, this.job, verdict)
    }
    return understood(await this.say(verdict), verdict, this.job)
  }

  /** Gives the claim back when the queue shuts down: by the backend. Null if neither it nor the handle can. */
  async giveBack(verdict = RELEASE): Promise<Settled | null> {
    if (canRelease(this.backend)) return settle(this.backend, this.job, verdict)
    return typeof this.handle.release === 'function' ? this.settle(verdict) : null
  }

  async heartbeat(): Promise<HeartbeatResult> {
    const said: unknown = await this.with('heartbeat').heartbeat()
    return said === 'lease-lost' || said === false ? 'lease-lost' : 'applied'
  }

  async log(message: string): Promise<void> {
    await this.with('log').log(message)
  }

  private say({ kind, reason }: Verdict): Promise<unknown> {
    const handle = this.with(kind)
    switch (kind) {
      case 'complete':
        return handle.complete()
      case 'fail':
        return handle.fail(reason ?? '')
      case 'failFatal':
        return handle.failFatal(reason ?? '')
      case 'release':
        return handle.release()
    }
  }

  private with(method: (typeof METHODS)[number]): JobHandle<any> {
    return typeof this.handle[method] === 'function' ? this.handle : this.fallback
  }
}
