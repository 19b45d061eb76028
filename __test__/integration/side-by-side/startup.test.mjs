/** `startup()` on a collection that the TypeScript package uses: keys stay held and claims stay fast, in any order of starts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MongoJobQueue } from 'durabl'
import { MongoClient } from 'mongodb'
import { pollUntil } from '../../support/wait.mjs'
import { atEnd } from '../../support/cleanup.mjs'
import { connect } from '../../support/mongo.mjs'
import { replicaSet } from '../../support/servers.mjs'
import {
  OLD_CLAIM_ORDER,
  OLD_TIMEOUT_MS,
  OldPackage,
  isDedupeIndex,
  oldClaimFilter,
  oldIndexNames,
  oldJob,
  oldJobs,
  oldReaperFilter,
} from './support/old-package.mjs'

const OUR_INDEXES = [
  ...['_id_', 'dedupe_active_idx', 'dedupe_pending_active_idx', 'dedupe_pending_idx'],
  ...['durabl_active_idx', 'durabl_cancel_idx', 'durabl_completed_idx', 'durabl_dedupe_until_idx'],
  ...['durabl_expiry_idx', 'durabl_failed_idx', 'durabl_pending_idx', 'durabl_set_apart_idx'],
]
const REPLACED = [...new Set(['0.1', '0.3'].flatMap(oldIndexNames))].filter((name) => !isDedupeIndex(name))

/** The largest number of documents that a claim or a sweep of the old package may look at, in a collection of any size. */
const MOST_KEYS = 10

const indexNames = async (collection) => (await collection.indexes()).map(({ name }) => name).sort()

async function startOurs(t, db) {
  const backend = new MongoJobQueue({ db })
  atEnd(t, () => backend.shutdown(5000))
  await backend.startup()
  return backend
}

async function keysExamined(collection, filter, sort) {
  const { executionStats } = await collection.find(filter).sort(sort).limit(1).explain('executionStats')
  return executionStats.totalKeysExamined + executionStats.totalDocsExamined
}

/** A collection as an app of this era has it: much that has ended, a backlog, keys. */
async function used(t, era, count = 2000) {
  const { db } = await connect(t)
  const collection = db.collection('jobs')
  await new OldPackage(collection, era).startup()
  const jobs = []
  for (let n = 0; n < count; n += 1) {
    const { completed, failed } = oldJobs(era)
    const key = n % 3 ? {} : { dedupeKey: `key-${n}`, dedupeScope: n % 2 ? 'pending' : 'pending+active' }
    jobs.push(completed, failed, oldJob(era, { priority: n % 3, ...key }))
  }
  await collection.insertMany(jobs)
  return { db, collection }
}

/** Tries again and again, until told to stop, what must hold at every moment. Resolves to how often it was tried. */
function always(check) {
  let isOver = false
  const done = (async () => {
    let times = 0
    while (!isOver) {
      await check()
      times += 1
    }
    return times
  })()
  done.catch(() => {})
  return async () => {
    isOver = true
    return done
  }
}

for (const era of ['0.1', '0.3']) {
  test(`on a collection of ${era}, keys stay held and claims stay fast all the while`, async (t) => {
    const { db, collection } = await used(t, era)
    const old = new OldPackage(collection, era)
    const enders = [
      always(async () => {
        assert.equal(await old.enqueue('work', 1, { dedupeKey: 'key-0' }), null)
        assert.equal(await old.enqueue('work', 1, { dedupeKey: 'key-3', dedupeScope: 'pending' }), null)
      }),
      always(async () => {
        const keys = await keysExamined(collection, oldClaimFilter('work'), OLD_CLAIM_ORDER)
        assert.ok(keys <= MOST_KEYS, `a claim examined ${keys}`)
      }),
      always(async () => {
        const keys = await keysExamined(collection, oldReaperFilter(), {})
        assert.ok(keys <= MOST_KEYS, `a sweep examined ${keys}`)
      }),
    ]
    const ours = await startOurs(t, db)
    assert.deepEqual(await indexNames(collection), OUR_INDEXES)
    // And after it.
    await ours.getStats()
    for (const end of enders) assert.ok((await end()) > 0)
  })
}

test('jobs of one key that 0.1 let run at once are named, and recovering them lets startup go on', async (t) => {
  // Startup waits for so long: shorter than by default, and long enough to connect in.
  const { db } = await connect(t, { serverSelectionTimeoutMS: 2000 })
  const collection = db.collection('jobs')
  await new OldPackage(collection, '0.1').startup()
  const { active } = oldJobs('0.1', { activeForMs: OLD_TIMEOUT_MS + 1000 })
  const key = { dedupeKey: 'sync:u_1', dedupeScope: 'pending' }
  await collection.insertMany(['one', 'other'].map((_id) => ({ ...active, ...key, _id })))
  const warnings = []
  const ignore = () => {}
  const logger = { debug: ignore, info: ignore, warn: (_, text) => warnings.push(text), error: ignore }
  const backend = new MongoJobQueue({ db, logger })
  atEnd(t, () => backend.shutdown(5000))
  const named = /"sync:u_1" \(jobs "(one|other)", "(one|other)"\)/
  await assert.rejects(backend.startup(), { code: 'ERR_DURABL_INDEX_CONFLICT', message: named })
  assert.equal(warnings.length, 1)
  assert.match(warnings[0], named)
  // All but the one index that can't be made.
  const missing = OUR_INDEXES.filter((name) => name !== 'dedupe_active_idx')
  assert.deepEqual(await indexNames(collection), missing)
  assert.equal(await backend.recoverStuckJobs(), 2)
  await backend.startup()
  assert.deepEqual(await indexNames(collection), OUR_INDEXES)
})

test('a new process of the old package brings its indexes back, harms no job, and the next process of this package drops them', async (t) => {
  const { db, collection } = await used(t, '0.3', 50)
  const ours = await startOurs(t, db)
  for (const era of ['0.1', '0.3']) await new OldPackage(collection, era).startup()
  assert.deepEqual(await indexNames(collection), [...OUR_INDEXES, ...REPLACED].sort())
  const job = await ours.claimNext('work')
  assert.deepEqual(await ours.complete(job.id, job.claimToken), { status: 'completed' })
  assert.equal(await ours.enqueue('work', 1, { dedupeKey: 'key-6' }), null)
  await startOurs(t, db)
  assert.deepEqual(await indexNames(collection), OUR_INDEXES)
})

test('old and new processes that start at once leave every index of the newer, and every key held', async (t) => {
  const { db, collection } = await used(t, '0.1', 300)
  const old = new OldPackage(collection, '0.1')
  const stop = always(async () => {
    assert.equal(await old.enqueue('work', 1, { dedupeKey: 'key-0' }), null)
  })
  const olds = ['0.1', '0.3', '0.1', '0.3'].map((era) => new OldPackage(collection, era).startup())
  const ours = Array.from({ length: 4 }, () => startOurs(t, db))
  await Promise.all([...olds, ...ours])
  await stop()
  const names = await indexNames(collection)
  assert.deepEqual(
    OUR_INDEXES.filter((name) => !names.includes(name)),
    [],
  )
})

test('a process of this package that starts does not break one of the old package that is building its indexes', async (t) => {
  // The server is told to hold up what is built: it is not one that others use.
  const { url } = await replicaSet(t)
  const client = await MongoClient.connect(url)
  atEnd(t, () => client.close())
  const db = client.db('building')
  const collection = db.collection('jobs')
  await collection.insertMany(Array.from({ length: 10 }, () => oldJob('0.3')))
  await startOurs(t, db)

  // Another backend of this package has dropped an index, and makes it again: the very index that the next backend would drop.
  await new OldPackage(collection, '0.3').startup()
  await collection.dropIndex('claim_next_v2_idx')
  const failPoint = { configureFailPoint: 'hangAfterStartingIndexBuild' }
  await client.db('admin').command({ ...failPoint, mode: 'alwaysOn' })
  const building = new OldPackage(collection, '0.3').startup()
  building.catch(() => {})
  await pollUntil('the index is being built', async () =>
    (await indexNames(collection)).includes('claim_next_v2_idx'),
  )
  await startOurs(t, db)
  await client.db('admin').command({ ...failPoint, mode: 'off' })
  await building

  await startOurs(t, db)
  assert.deepEqual(await indexNames(collection), OUR_INDEXES)
})

test('an index that a process hid, and died before it dropped it, is dropped by the next', async (t) => {
  const { db, collection } = await used(t, '0.3', 10)
  await db.command({ collMod: 'jobs', index: { name: 'claim_next_v2_idx', hidden: true } })
  await startOurs(t, db)
  assert.deepEqual(await indexNames(collection), OUR_INDEXES)
})
