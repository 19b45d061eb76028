/**
 * The TypeScript package as far as the database sees it: the documents it leaves, the indexes it makes, and the commands that its
 * workers send. Written down here from what it does, so that the two can be tested on one collection.
 *
 * Eras: `0.1` knows no claim tokens, retries at once, and lets several jobs of one key be active; `0.3` has all of that.
 */
import { randomUUID } from 'node:crypto'

const DUPLICATE_KEY = 11_000
/** Its visibility timeout, in milliseconds: how old an active job's `claimedAt` must be for its reaper. */
export const OLD_TIMEOUT_MS = 300_000

const ago = (ms) => new Date(Date.now() - ms)

/** The form in which its driver stores properties that are undefined. */
const ABSENT = {
  0.1: {
    ...{ dedupeKey: null, dedupeScope: null, claimedAt: null, completedAt: null, failedAt: null },
    failReason: null,
  },
  0.3: {
    ...{ dedupeKey: null, dedupeScope: null, claimedAt: null, claimToken: null, completedAt: null },
    ...{ failedAt: null, failReason: null, backoff: null, backoffDelay: null, backoffMaxDelay: null },
  },
}

/** A document as one of its eras leaves it: pending and due for a minute, unless `fields` say otherwise. */
export function oldJob(era, fields = {}) {
  return {
    _id: randomUUID(),
    type: 'work',
    data: { from: era },
    status: 'pending',
    priority: 0,
    attempt: 0,
    maxAttempts: 3,
    ...ABSENT[era],
    runAt: ago(60_000),
    createdAt: ago(60_000),
    logs: [],
    ...fields,
  }
}

const claimed = (era, ms) => ({
  status: 'active',
  attempt: 1,
  claimedAt: ago(ms),
  ...(era === '0.3' && { claimToken: randomUUID() }),
})

/** The document where the app's client ignores undefined properties: what is absent is not there. */
export const withoutNulls = (job) =>
  Object.fromEntries(Object.entries(job).filter(([, value]) => value !== null))

/** A document in each status that the era has. `activeForMs`: how long ago the active one was claimed. */
export function oldJobs(era, { activeForMs = 1000, endedForMs = 1000, fields = {} } = {}) {
  const job = (more) => oldJob(era, { ...fields, ...more })
  const ended = { ...claimed(era, endedForMs), claimToken: null }
  return {
    pending: job({}),
    active: job(claimed(era, activeForMs)),
    completed: job({ ...ended, status: 'completed', completedAt: ago(endedForMs) }),
    failed: job({
      ...ended,
      status: 'failed',
      failedAt: ago(endedForMs),
      failReason: 'it broke',
      attempt: 3,
    }),
    ...(era === '0.3' && {
      superseded: job({ ...ended, status: 'superseded', failedAt: ago(endedForMs), failReason: 'covered' }),
    }),
  }
}

const dedupeIndex = (name, dedupeScope, status) => ({
  key: { dedupeKey: 1, dedupeScope: 1 },
  name,
  unique: true,
  partialFilterExpression: { dedupeKey: { $exists: true }, dedupeScope, status },
})

const SHARED = [
  dedupeIndex('dedupe_pending_active_idx', 'pending+active', { $in: ['pending', 'active'] }),
  dedupeIndex('dedupe_pending_idx', 'pending', 'pending'),
  { key: { type: 1, status: 1 }, name: 'stats_idx' },
  { key: { status: 1, claimedAt: 1 }, name: 'visibility_timeout_idx' },
  { key: { status: 1, completedAt: 1 }, name: 'cleanup_completed_idx' },
  { key: { status: 1, failedAt: 1 }, name: 'cleanup_failed_idx' },
]

const INDEXES = {
  0.1: [...SHARED, { key: { type: 1, status: 1, priority: 1, runAt: 1 }, name: 'claim_next_idx' }],
  0.3: [
    ...SHARED,
    dedupeIndex('dedupe_active_idx', 'pending', 'active'),
    {
      key: { type: 1, priority: 1, runAt: 1 },
      name: 'claim_next_v2_idx',
      partialFilterExpression: { status: 'pending' },
    },
  ],
}

/** The names of the indexes that its `startup()` makes. */
export const oldIndexNames = (era) => INDEXES[era].map(({ name }) => name)

/** Its dedupe indexes, without which a key is not held. */
export const isDedupeIndex = (name) => name.startsWith('dedupe_')

export const oldClaimFilter = (type) => ({ type, status: 'pending', runAt: { $lte: new Date() } })
export const OLD_CLAIM_ORDER = { priority: 1, runAt: 1 }
export const oldReaperFilter = () => ({ status: 'active', claimedAt: { $lt: ago(OLD_TIMEOUT_MS) } })

const IS_USED_UP = { $gte: ['$attempt', '$maxAttempts'] }
const TAKEN_BACK = {
  $set: {
    status: { $cond: [IS_USED_UP, 'failed', 'pending'] },
    failedAt: { $cond: [IS_USED_UP, '$$NOW', null] },
    claimedAt: null,
  },
}

const COVERED = { $set: { status: 'superseded', failedAt: '$$NOW', failReason: 'covered', claimedAt: null } }

/** One process of the old package, on a collection. */
export class OldPackage {
  constructor(collection, era) {
    this.collection = collection
    this.era = era
  }

  async startup() {
    await this.collection.createIndexes(INDEXES[this.era])
  }

  /** The job's id; null if its key is held. */
  async enqueue(type, data, { dedupeKey = null, dedupeScope = 'pending+active', ...fields } = {}) {
    const key = dedupeKey === null ? {} : { dedupeKey, dedupeScope }
    const job = oldJob(this.era, { type, data, runAt: new Date(), createdAt: new Date(), ...key, ...fields })
    return orNull(async () => (await this.collection.insertOne(job)).insertedId)
  }

  /** Null if there is none, or if the first one's key is held by an active job: then it is tried at the next poll. */
  async claim(type) {
    const token = this.era === '0.3' && { claimToken: randomUUID() }
    const update = { $set: { status: 'active', claimedAt: new Date(), ...token }, $inc: { attempt: 1 } }
    return orNull(() =>
      this.collection.findOneAndUpdate(oldClaimFilter(type), update, {
        sort: OLD_CLAIM_ORDER,
        returnDocument: 'after',
      }),
    )
  }

  /** Whether it applied. */
  async complete(job) {
    return this.#settle(job, { status: 'completed', completedAt: new Date() })
  }

  /** As `complete`. False also where 0.1 leaves the job active, since a follower waits in the place that it would have to take. */
  async fail(job, failReason) {
    const failed = { failedAt: new Date(), failReason }
    if (job.attempt >= job.maxAttempts) return this.#settle(job, { status: 'failed', ...failed })
    const later = this.era === '0.3' && { runAt: new Date(Date.now() + 100), claimToken: null }
    const isPending = await this.#settle(job, { status: 'pending', claimedAt: null, failReason, ...later })
    return isPending || (this.era === '0.3' && this.#settle(job, { status: 'superseded', ...failed }))
  }

  /** Renews the lease of 0.3, from its event loop; whether it still has it. 0.1 has no such thing. */
  async heartbeat({ _id, claimToken }) {
    const renewed = await this.collection.updateOne(
      { _id, claimToken, status: 'active' },
      { $set: { claimedAt: new Date() } },
    )
    return renewed.matchedCount === 1
  }

  async log(job, message) {
    await this.collection.updateOne({ _id: job._id }, { $push: { logs: { timestamp: new Date(), message } } })
  }

  /**
   * The number of jobs that its reaper has taken from their workers. The reaper of 0.3 writes without looking again. So two of them can take a
   * job from a worker that has claimed it meanwhile.
   */
  async reap() {
    if (this.era === '0.1') {
      const written = await orNull(() => this.collection.updateMany(oldReaperFilter(), [TAKEN_BACK]))
      return written?.modifiedCount ?? 0
    }
    let taken = 0
    for (const { _id } of await this.collection.find(oldReaperFilter()).toArray()) {
      const written =
        (await orNull(() => this.collection.updateOne({ _id, status: 'active' }, [TAKEN_BACK]))) ??
        // A follower waits in its place: as with a failure, that one covers it.
        (await this.collection.updateOne({ _id, status: 'active' }, [COVERED]))
      taken += written.modifiedCount
    }
    return taken
  }

  async #settle({ _id, claimToken }, changes) {
    const fence = this.era === '0.3' ? { _id, claimToken } : { _id }
    const written = await orNull(() => this.collection.updateOne(fence, { $set: changes }))
    return written?.modifiedCount === 1
  }
}

/** A unique index that refuses is an answer. */
async function orNull(write) {
  try {
    return await write()
  } catch (error) {
    if (error.code === DUPLICATE_KEY) return null
    throw error
  }
}
