/**
 * The parts of the server's processor time that stand between durabl and a faster MongoDB. Adding, claiming and completing a job as durabl
 * writes it stand beside other ways to write the same, with fewer indexes, and with other ids. A bare loop in this process does so, one batch
 * after the other.
 */
import { randomUUID } from 'node:crypto'
import { meter } from '../child/clock.mjs'
import { batches } from '../child/in-flight.mjs'
import { DUE, leaseOf, taking, tokenOf } from '../claim.mjs'
import { MongoClient } from '../mongodb.mjs'
import { play } from '../process.mjs'
import { settle } from '../settle.mjs'
import { inWords, perJob } from './throughput.mjs'

const peer = 'durabl'
export const involves = [peer]

const JOBS = 20_000
const BATCH = 1_000
/** Ended jobs stay in the collection, and in the index of ids: if these come in no order, that index is where they cost. */
const ENDED = 200_000

/** As durabl makes them, UUIDs of version 7: they grow with time, and with a count. */
function idInOrder(n) {
  const time = Date.now().toString(16).padStart(12, '0')
  const count = n.toString(16).padStart(6, '0')
  const rest = randomUUID().slice(24)
  return `${time.slice(0, 8)}-${time.slice(8)}-7${count.slice(0, 3)}-8${count.slice(3)}-${rest}`
}

const randomId = () => randomUUID()

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
const variants = (ended) => ({
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
  'random ids': { id: 'random', idOf: randomId },
  [`beside ${ended.toLocaleString('en-US')} completed jobs`]: { id: 'ended', ended },
  [`random ids, beside ${ended.toLocaleString('en-US')} completed jobs`]: {
    id: 'ended-random',
    idOf: randomId,
    ended,
  },
})

/** So many jobs like one of durabl's. */
async function add(jobs, count, model, idOf) {
  for (const datas of batches(count, BATCH)) {
    const at = new Date()
    const documents = datas.map((data) => ({
      ...model,
      ...{ _id: idOf(data.n), data, runAt: at, createdAt: at },
      ...(model.completedAt && { completedAt: at }),
    }))
    await jobs.insertMany(documents, { ordered: false })
  }
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

async function measureOne(place, count, { without = [], idOf = idInOrder, ended = 0, ...how }) {
  // The indexes, and one job to make others like it.
  await play('fill', { peer, place, jobs: 1, delay: 0 })
  const client = await MongoClient.connect(place.url)
  try {
    const jobs = client.db(place.database).collection('jobs')
    for (const index of without) await jobs.dropIndex(index)
    const model = await jobs.findOneAndDelete({})
    const over = { status: 'completed', attempt: 1, claimToken: tokenOf(0), claimedAt: new Date() }
    await add(jobs, ended, { ...model, ...over, completedAt: new Date() }, idOf)
    await settle(place)
    const adding = meter(place.pid)
    await add(jobs, count, model, idOf)
    const added = perJob(count, adding())
    const emptying = meter(place.pid)
    await empty(jobs, how)
    return { ...perJob(count, emptying()), addRate: added.rate, addServerCpu: added.serverCpu }
  } finally {
    await client.close()
  }
}

const tell = ({ addRate, addServerCpu, ...emptied }) =>
  `${inWords(emptied)}; added at ${addRate} jobs/s, server ${addServerCpu} µs`

export function contestants({ servers, sized }) {
  const jobs = sized(JOBS)
  return Object.entries(variants(sized(ENDED))).map(([name, variant]) => {
    const run = () => servers.withPlace('mongodb', (place) => measureOne(place, jobs, variant))
    return { id: variant.id ?? name, name, title: name, jobs, run, tell }
  })
}
