/**
 * What stands between durabl and a faster MongoDB: the server's processor time for claiming and completing a job as durabl writes it,
 * beside other ways to write the same, and with fewer indexes. A bare loop in this process, one batch after the other.
 */
import { meter } from '../child/clock.mjs'
import { DUE, leaseOf, taking, tokenOf } from '../claim.mjs'
import { MongoClient } from '../mongodb.mjs'
import { play } from '../process.mjs'
import { inWords, perJob } from './throughput.mjs'

const peer = 'durabl'
export const involves = [peer]

const JOBS = 20_000
const BATCH = 1_000

/** As durabl does: expressions, since only they know the server's time. */
const byExpressions = {
  taking,
  ending: () => [{ $set: { status: 'completed', completedAt: '$$NOW' } }, { $unset: ['lease'] }],
}

const byOperators = {
  taking: (token) => ({
    $set: {
      status: 'active',
      claimToken: token,
      claimedAt: new Date(),
      lease: leaseOf(token),
    },
    $inc: { attempt: 1 },
  }),
  ending: () => ({ $set: { status: 'completed', completedAt: new Date() }, $unset: { lease: '' } }),
}

const together = (jobs, held, update) => jobs.updateMany(held, update)
const apart = (jobs, { _id, ...held }, update) =>
  jobs.bulkWrite(
    _id.$in.map((id) => ({ updateOne: { filter: { _id: id, ...held }, update } })),
    { ordered: false },
  )
const inTransaction = (jobs, held, update) =>
  jobs.client.withSession((session) =>
    session.withTransaction(() => jobs.updateMany(held, update, { session })),
  )

/** Each is durabl's own way, but for what it names. */
const VARIANTS = {
  'as durabl does it': {},
  'operators instead of expressions': { statements: byOperators },
  'a statement for each job': { write: apart },
  'a transaction for each batch': { write: inTransaction },
  'no index of completed jobs': { without: ['durabl_completed_idx'] },
  'no index of active jobs': { without: ['durabl_active_idx'] },
  'no index but that of pending jobs': {
    without: [
      ...['durabl_completed_idx', 'durabl_active_idx', 'durabl_failed_idx'],
      ...['dedupe_pending_active_idx', 'dedupe_pending_idx', 'dedupe_active_idx'],
    ],
  },
}

const IN_ORDER = { status: 1, type: 1, priority: 1, runAt: 1 }

async function nextIds(jobs) {
  const options = { projection: { _id: 1 }, sort: IN_ORDER, limit: BATCH, batchSize: BATCH }
  return (await jobs.find(DUE, options).toArray()).map(({ _id }) => _id)
}

/** The completion of one batch is on its way while the next one is claimed, as in durabl. */
async function empty(jobs, { statements = byExpressions, write = together }) {
  let ended = Promise.resolve()
  for (let number = 1; ; number += 1) {
    const $in = await nextIds(jobs)
    if ($in.length === 0) break
    const token = tokenOf(number)
    await write(jobs, { _id: { $in }, status: 'pending' }, statements.taking(token))
    await ended
    ended = write(jobs, { _id: { $in }, status: 'active', claimToken: token }, statements.ending())
  }
  await ended
}

async function measureOne({ url, database, pid }, jobs, variant) {
  const client = await MongoClient.connect(url)
  try {
    const collection = client.db(database).collection('jobs')
    for (const index of variant.without ?? []) await collection.dropIndex(index)
    const read = meter(pid)
    await empty(collection, variant)
    return perJob(jobs, read())
  } finally {
    await client.close()
  }
}

export function contestants({ servers, sized }) {
  const jobs = sized(JOBS)
  return Object.entries(VARIANTS).map(([name, variant]) => {
    const run = () =>
      servers.withPlace('mongodb', async (place) => {
        await play('fill', { peer, place, jobs, delay: 0 })
        return measureOne(place, jobs, variant)
      })
    return { id: name, name, title: name, jobs, run, tell: inWords }
  })
}
