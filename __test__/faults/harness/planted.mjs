/**
 * Planted bugs. Each does, by the bare driver and beside workers that know nothing of it, what an engine with that bug would do; see also
 * `mutants.mjs`. The engine has no switches for this. A checker that passes such a history is worth nothing.
 */
import { letPass } from '../../support/time.mjs'

const HOUR_MS = 3_600_000

/** Does something again and again until it is uprooted; counts how often it could do its damage. */
function rogue(damage, everyMs = 5) {
  let isOver = false
  const plant = { done: 0 }
  const ended = (async () => {
    while (!isOver) {
      plant.done += await damage()
      await letPass(everyMs, 'the workers go on')
    }
  })()
  plant.uproot = async () => {
    isOver = true
    await ended
  }
  return plant
}

const modified = ({ modifiedCount, deletedCount = 0 }) => (modifiedCount ?? 0) + deletedCount

const BUGS = {
  'no index for the keys': {
    laws: ['keysHoldOne'],
    plant({ db }) {
      const jobs = db.collection('jobs')
      const names = ['dedupe_pending_idx', 'dedupe_pending_active_idx', 'dedupe_active_idx']
      const dropped = Promise.all(names.map((name) => jobs.dropIndex(name)))
      return { ready: dropped, done: names.length, uproot: () => dropped }
    },
  },

  'a retry that is forgotten': {
    laws: ['noRetryIsLost', 'acknowledgedIsKept'],
    /** Gives up, or removes, a job that waits for its next attempt. */
    plant({ db }) {
      const jobs = db.collection('jobs')
      const waiting = { status: 'pending', failReason: { $exists: true } }
      const damages = [
        () => jobs.updateOne(waiting, { $set: { status: 'failed' } }),
        () => jobs.deleteOne(waiting),
      ]
      let done = 0
      // In turn, so that both are done however few retries there are.
      return rogue(async () => {
        const now = modified(await damages[done % damages.length]())
        done += now
        return now
      }, 20)
    },
  },

  'a claim that does not go by priority': {
    laws: ['orderIsKept'],
    /** Puts the last job first. */
    plant({ db }) {
      const jobs = db.collection('jobs')
      const last = { type: 'ordered', status: 'pending', priority: { $gt: 3 } }
      return rogue(async () => modified(await jobs.updateMany(last, { $set: { priority: -9 } })), 50)
    },
  },

  'a job that begins again though no call has asked for it': {
    laws: ['retriesAreMade'],
    plant({ db }) {
      const jobs = db.collection('jobs')
      const anew = { $set: { status: 'pending', attempt: 0 }, $unset: { completedAt: '', claimToken: '' } }
      return rogue(
        async () =>
          modified(await jobs.updateOne({ status: 'completed', dedupeKey: { $exists: false } }, anew)),
        50,
      )
    },
  },

  'a job that is cancelled though no call has asked for it': {
    laws: ['cancelsAreMade'],
    plant({ db }) {
      const jobs = db.collection('jobs')
      const ended = { $set: { status: 'failed', ending: 'cancelled', failedAt: new Date() } }
      return rogue(async () => modified(await jobs.updateOne({ status: 'pending' }, ended)), 50)
    },
  },

  'a removed job that comes back': {
    laws: ['removedIsGone'],
    /** As a write that was under way would leave it. */
    plant({ db }) {
      const jobs = db.collection('jobs')
      return rogue(async () => {
        const job = await jobs.findOne({ status: 'completed', dedupeKey: { $exists: false } })
        if (job === null) return 0
        const { deletedCount } = await jobs.deleteOne({ _id: job._id, status: 'completed' })
        if (deletedCount > 0) await jobs.insertOne(job)
        return deletedCount
      }, 50)
    },
  },

  'a claim that no worker knows of': {
    laws: ['everythingEnds'],
    drainMs: 2000,
    /** Its holder never learnt that it got the job, and its lease is an hour long. */
    plant({ db }) {
      const jobs = db.collection('jobs')
      const lease = { token: 'nobody', attempt: 1, ms: HOUR_MS }
      const taken = { status: 'active', claimToken: 'nobody', attempt: 1, lease, claimedAt: '$$NOW' }
      return rogue(
        async () =>
          modified(
            await jobs.updateOne({ status: 'pending', attempt: 0 }, [{ $set: taken }]).catch(() => ({})),
          ),
        100,
      )
    },
  },
}

/** Two that break other laws, in one run: each law can only be broken by the bug that it is named with. */
const both = (one, other) => ({
  scenario: 'nothing goes wrong',
  laws: [...BUGS[one].laws, ...BUGS[other].laws],
  drainMs: BUGS[one].drainMs ?? BUGS[other].drainMs,
  plant(world) {
    const plants = [BUGS[one].plant(world), BUGS[other].plant(world)]
    return {
      ready: Promise.all(plants.map(({ ready }) => ready)),
      uproot: () => Promise.all(plants.map((plant) => plant.uproot())),
      get done() {
        return Math.min(...plants.map(({ done }) => done))
      },
    }
  },
})

export const PLANTED = {
  'a job that begins again though no call has asked for it, and a removed one that comes back': both(
    'a job that begins again though no call has asked for it',
    'a removed job that comes back',
  ),
  'a job that is cancelled though no call has asked for it, and a claim that does not go by priority': both(
    'a job that is cancelled though no call has asked for it',
    'a claim that does not go by priority',
  ),
  'no index for the keys, and a claim that no worker knows of': both(
    'no index for the keys',
    'a claim that no worker knows of',
  ),
  'a retry that is forgotten, and a claim that does not go by priority': both(
    'a retry that is forgotten',
    'a claim that does not go by priority',
  ),
}
