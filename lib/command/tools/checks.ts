/** The looks of `doctor`. Each look is bounded, and changes nothing. */
import type { Collection, Document } from 'mongodb'
import { callOf } from '../../dashboard/calls'
import { list } from '../../dashboard/rows'
import { isRecord } from '../../validate/rules'
import { commandOf, compared } from './indexes'
import { length } from './output'
import { problemWith } from './place'
import type { Misplaced } from './place'
import { rights } from './rights'
import type { Found, Looking } from './findings'

interface Check {
  readonly name: string
  readonly look: (context: Looking) => Promise<Found>
}

const good = (text: string): Found => [{ state: 'good', text }]

const MOST_MS = 5000
const OLDEST_SERVER = [4, 4] as const
const OFFSET_MS = 1000
const OVERDUE_MS = 15_000
const MANY_ENDED = 1_000_000

async function server({ db }: Looking): Promise<Found> {
  const [{ version }, hello] = await Promise.all([db.command({ buildInfo: 1 }), db.command({ hello: 1 })])
  const [major = 0, minor = 0] = String(version).split('.').map(Number)
  const isOld = major < OLDEST_SERVER[0] || (major === OLDEST_SERVER[0] && minor < OLDEST_SERVER[1])
  if (isOld)
    return [{ state: 'bad', text: `MongoDB ${version} is too old; ${OLDEST_SERVER.join('.')} is the oldest` }]
  const { setName, msg } = hello as { setName?: string; msg?: string }
  if (setName === undefined && msg !== 'isdbgrid') {
    return [
      {
        state: 'warning',
        text: `MongoDB ${version} is not a replica set: workers poll, and there are no transactions`,
        fix: ['a replica set of one node has both'],
      },
    ]
  }
  return good(`MongoDB ${version}, ${setName === undefined ? 'a sharded cluster' : `replica set ${setName}`}`)
}

async function clock({ db }: Looking): Promise<Found> {
  const before = Date.now()
  const { localTime } = (await db.command({ hello: 1 })) as { localTime: Date }
  const after = Date.now()
  const offset = Math.round((before + after) / 2 - localTime.getTime())
  const unsure = (after - before) / 2
  if (Math.abs(offset) - unsure <= OFFSET_MS) return good('the clock of this machine agrees with the server')
  const text = `the clock of this machine is ${length(Math.abs(offset))} ${offset > 0 ? 'ahead of' : 'behind'} the server`
  return [
    {
      state: 'warning',
      text,
      fix: ["durabl uses the server's clock; times in this machine's logs are off by that much"],
    },
  ]
}

async function indexes({ db, collection }: Looking): Promise<Found> {
  const problem = await problemWith({ db, collection })
  if (problem !== null) return [misplaced(problem)]
  const beside = db.collection(sideOf(collection))
  const found = [...(await different(collection, 'indexes')), ...(await different(beside, 'beside'))]
  return found.length === 0 ? good('all indexes exist') : found
}

/** The user may have named another database than the app's: a list of all indexes would hide that. */
const misplaced = ({ text, isAbsent }: Misplaced): Found[number] => ({
  state: 'bad',
  text,
  fix: [
    isAbsent
      ? 'if the names are right, `durabl startup` creates what the queue needs'
      : "name the queue's collection by --collection; a queue needs one of its own",
  ],
})

/** Pauses, schedules, counts and the list of workers. */
const sideOf = ({ collectionName }: Collection) => `${collectionName}.durabl`

async function different(collection: Collection, which: 'indexes' | 'beside'): Promise<Found> {
  const { missing, changed } = await compared(collection, which)
  const name = collection.collectionName
  const place = which === 'indexes' ? '' : ` of ${name}`
  return [
    ...missing.map((index) => ({
      state: 'bad' as const,
      text: `the index ${index.name}${place} is missing`,
      fix: [commandOf(name, index)],
    })),
    ...changed.map((index) => ({
      state: 'bad' as const,
      text: `the index ${index.name}${place} has another definition`,
      fix: [`wanted ${JSON.stringify(index.wanted)}`, `found  ${JSON.stringify(index.found)}`],
    })),
  ]
}

const OPEN = { $in: ['pending', 'active'] }
const SHOWN_KEYS = 5

/** Older versions, and startups without the unique indexes, could let a key be held twice. */
async function keys({ collection }: Looking): Promise<Found> {
  const group = (match: Document): Document[] => [
    { $match: { dedupeKey: { $exists: true }, ...match } },
    { $group: { _id: { type: '$type', key: '$dedupeKey' }, count: { $sum: 1 } } },
    { $match: { count: { $gt: 1 } } },
    { $limit: SHOWN_KEYS },
  ]
  const looks = [
    group({ dedupeScope: 'pending+active', status: OPEN }),
    group({ dedupeScope: 'pending', status: 'pending' }),
    group({ dedupeScope: 'pending', status: 'active' }),
  ]
  const found = await Promise.all(
    looks.map((look) => collection.aggregate(look, { maxTimeMS: MOST_MS }).toArray()),
  )
  const doubled = found.flat() as { _id: { type: string; key: string }; count: number }[]
  if (doubled.length === 0) return good('no dedupe key is held twice')
  return doubled.map(({ _id, count }) => ({
    state: 'bad',
    text: `the dedupe key ${JSON.stringify(_id.key)} is held by ${count} jobs of the type ${JSON.stringify(_id.type)}`,
  }))
}

async function leases({ collection, visibilityTimeoutMs }: Looking): Promise<Found> {
  const expired = { $lt: ['$claimedAt', { $subtract: ['$$NOW', visibilityTimeoutMs] }] }
  const filter = { status: 'active', $expr: expired }
  const options = { limit: 1000, maxTimeMS: MOST_MS, hint: 'durabl_active_idx' }
  const count = await collection
    .countDocuments(filter, options)
    .catch(() => collection.countDocuments(filter, { ...options, hint: '_id_' }))
  if (count === 0) return good('no lease has expired')
  return [
    {
      state: 'bad',
      text: `${count === 1000 ? 'a thousand jobs or more have' : count === 1 ? 'one job has' : `${count} jobs have`} an expired lease`,
      fix: ['a worker with autoRecover returns them within its timeout; is one running?'],
    },
  ]
}

/** Types with due jobs that are not paused. The queue's own counts would be stored, and this command changes nothing. */
async function dueAmong({ db, collection }: Looking, types: readonly unknown[]): Promise<unknown[]> {
  const paused = await db
    .collection<{ _id: string }>(sideOf(collection))
    .find({ _id: { $gte: 'type:', $lt: 'type;' }, state: 'paused' }, { projection: { _id: 1 } })
    .toArray()
  const held = new Set<unknown>(paused.map(({ _id }) => _id.slice('type:'.length)))
  const due: unknown[] = []
  for (const type of types) {
    if (held.has(type)) continue
    const filter = { status: 'pending', type, $expr: { $lte: ['$runAt', '$$NOW'] } }
    if ((await collection.findOne(filter, { projection: { _id: 1 }, maxTimeMS: MOST_MS })) !== null)
      due.push(type)
  }
  return due
}

async function workers(looking: Looking): Promise<Found> {
  const { queue, collection } = looking
  const found = list(await callOf(queue, 'listWorkers')())
  const served = new Set(found.flatMap(({ types }) => list(types).map(({ type }) => type)))
  const pending = await collection.distinct('type', { status: 'pending' }, { maxTimeMS: MOST_MS })
  const alone = await dueAmong(
    looking,
    pending.filter((type) => !served.has(type)),
  )
  if (alone.length === 0)
    return good(
      found.length === 1
        ? 'one worker, which processes each due type'
        : `${found.length} workers, and each due type has one`,
    )
  const all = list(await callOf(queue, 'listSchedules')())
  return alone.map((type) => {
    const making = all.filter(({ job }) => isRecord(job) && job.type === type).map(({ id }) => String(id))
    return {
      state: 'bad',
      text: `no worker has a processor for ${JSON.stringify(type)}, which has due jobs`,
      fix: making.map(
        (id) =>
          `the schedule ${JSON.stringify(id)} makes them; \`durabl schedules remove ${JSON.stringify(id)}\` ends it`,
      ),
    }
  })
}

async function versions({ queue }: Looking): Promise<Found> {
  const found = list(await callOf(queue, 'listWorkers')())
  const all = found.map(({ versions: of }) => (of as { durabl?: string } | undefined)?.durabl)
  const known = [...new Set(all.filter((version) => version !== undefined))].sort()
  if (known.length < 2)
    return good(known.length === 0 ? 'no worker reports its version' : `all workers run durabl ${known[0]}`)
  return [{ state: 'warning', text: `workers run durabl ${known.join(', ')}` }]
}

async function schedules({ queue }: Looking): Promise<Found> {
  const all = list(await callOf(queue, 'listSchedules')())
  const late = all.filter(
    ({ status, nextAt }) =>
      status === 'running' && nextAt instanceof Date && nextAt.getTime() < Date.now() - OVERDUE_MS,
  )
  if (late.length === 0) return good(all.length === 0 ? 'there are no schedules' : 'no schedule is overdue')
  return late.map(({ id, nextAt }) => ({
    state: 'bad',
    text: `the schedule ${JSON.stringify(id)} has been overdue since ${(nextAt as Date).toISOString()}`,
    fix: ['any process with a processor fires schedules; is one running?'],
  }))
}

/** Jobs that wait are no cost of retention: only those that have ended are counted, no further than needed. */
async function retention({ queue, collection }: Looking): Promise<Found> {
  const found = list(await callOf(queue, 'listWorkers')())
  const periods = found.map(({ retention: own }) => own).filter(isRecord)
  const disagreeing = disagreements(periods)
  if (disagreeing.length > 0) {
    return disagreeing.map((text) => ({
      state: 'warning',
      text,
      fix: ['the longest of them counts; give all workers the same MongoJobQueueOptions.retention'],
    }))
  }
  if (periods.length > 0) return good('workers remove old jobs, and agree on when')
  if ((await collection.estimatedDocumentCount({ maxTimeMS: MOST_MS })) < MANY_ENDED)
    return good('no worker removes old jobs, and there are few')
  const options = { limit: MANY_ENDED, maxTimeMS: MOST_MS }
  // One by one, as each status has an index of its own. A count that takes too long means many.
  const counts = ['completed', 'failed', 'superseded'].map((status) =>
    collection.countDocuments({ status }, options).catch(() => MANY_ENDED),
  )
  const ended = (await Promise.all(counts)).reduce((sum, count) => sum + count, 0)
  if (ended < MANY_ENDED) return good('no worker removes old jobs, and few have ended')
  const text = 'a million jobs or more have ended and are stored, and no worker removes old ones'
  return [{ state: 'warning', text, fix: ['set MongoJobQueueOptions.retention in the workers'] }]
}

const PERIODS = ['completedMs', 'failedMs', 'supersededMs'] as const

/** The types and statuses for which workers have different periods. A worker that has none for a type does not sweep it. */
function disagreements(all: readonly Record<string, unknown>[]): string[] {
  const ofTypes = ({ types }: Record<string, unknown>) => (isRecord(types) ? types : {})
  const named = [...new Set(all.flatMap((own) => Object.keys(ofTypes(own))))].sort()
  /** Null: of all types that have none of their own. */
  const periodsOf = (type: string | null, status: (typeof PERIODS)[number]) =>
    all.map((own) => {
      const special = type === null ? undefined : ofTypes(own)[type]
      return (isRecord(special) ? special[status] : undefined) ?? own[status]
    })
  return [null, ...named].flatMap((type) =>
    PERIODS.flatMap((status) => {
      const known = periodsOf(type, status).filter((period) => typeof period === 'number')
      const different = [...new Set(known)].sort((a, b) => a - b).map(length)
      if (different.length < 2) return []
      const what = type === null ? status : `${status} of ${JSON.stringify(type)}`
      return [`workers have different periods of retention, ${what}: ${different.join(', ')}`]
    }),
  )
}

export const CHECKS: readonly Check[] = [
  { name: 'server', look: server },
  { name: 'rights', look: rights },
  { name: 'clock', look: clock },
  { name: 'indexes', look: indexes },
  { name: 'keys', look: keys },
  { name: 'leases', look: leases },
  { name: 'workers', look: workers },
  { name: 'versions', look: versions },
  { name: 'schedules', look: schedules },
  { name: 'retention', look: retention },
]
