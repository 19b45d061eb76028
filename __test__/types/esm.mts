/** An ES module's view of the types. It is compiled, never run; each `@ts-expect-error` is a test that something is refused. */
import { MongoClient } from 'mongodb'
import {
  DummyBackend,
  FatalJobError,
  JobQueue,
  MongoJobQueue,
  createJobQueue,
  getDefaultQueue,
  withGlobalQueue,
  type EnqueueOptions,
  type FailResult,
  type IJobQueueBackend,
  type Job,
  type JobHandle,
  type JobHandler,
  type ProcessorConfig,
} from 'durabl'

declare function sendWelcomeEmail(userId: string): Promise<void>

const client = await MongoClient.connect(process.env['MONGO_URL']!)
const db = client.db('app')

const backend = new MongoJobQueue({ db, useChangeStreams: true })
await backend.startup()
const queue = new JobQueue(backend)

queue.process<{ userId: string }>(
  'welcome-email',
  async (job, ctx) => {
    await sendWelcomeEmail(job.data.userId)
    await ctx.complete()
  },
  { concurrency: 4, pollInterval: 5000 },
)

const jobId: string | null = await queue.enqueue('welcome-email', { userId: 'u_123' }, { dedupeKey: 'k' })
const handle: JobHandle<{ userId: string }> | null = await queue.claimOrEnqueue('reschedule', {
  userId: 'u_123',
})
if (handle) {
  const failed: FailResult | { status: 'completed' } =
    jobId === null ? await handle.fail(String(new Error('no'))) : await handle.complete()
  if (failed.status === 'already-terminal')
    failed.terminalStatus satisfies 'completed' | 'failed' | 'superseded'
  await queue.runClaimed(handle, (job) => sendWelcomeEmail(job.data.userId), { maxDrains: 3 })
}

const handler: JobHandler<number> = (job, ctx) => {
  ctx.log(`half of ${job.data / 2}`)
  if (ctx.signal.aborted) throw new FatalJobError('too late', { cause: ctx.signal.reason })
}
queue.process('numbers', handler)
// A handler's return value is ignored, so any will do.
queue.process('collected', (job) => [job.id].push('x'))

const options: EnqueueOptions = { dedupeScope: 'pending', coalesce: 'latest', backoff: 'fixed' }
const config: ProcessorConfig = { concurrency: 2, timeoutMs: 1000 }
queue.process('more numbers', handler, config)
await queue.enqueue('numbers', 4, options)

await client.withSession((session) =>
  session.withTransaction(async () => {
    await queue.enqueue('numbers', 5, { session, dedupeKey: 'k' })
    await queue.enqueueMany([{ type: 'numbers', data: 6 }], { session })
    await handle?.complete({ session })
    // @ts-expect-error -- it is one session's transaction, not a transaction's session
    await queue.enqueue('numbers', 5, { session: true })
  }),
)
queue.process('transfers', async (job, ctx) => {
  const booked: number = await ctx.transaction(
    async (session) => {
      await db.collection('ledger').insertOne({ job: job.id }, { session })
      return 7
    },
    { maxCommitTimeMS: 1000 },
  )
  const found = await db.collection('ledger').findOne({ booked }, { session: await ctx.session() })
  return found
})
new DummyBackend({ startSession: () => client.startSession() }).jobs[0]?.session?.inTransaction()

for (const result of await queue.enqueueMany([{ type: 'numbers', data: 4, options }])) {
  if (result.status === 'created') result.id satisfies string
}

const dummy = new DummyBackend()
dummy.jobs[0]?.dedupeKey satisfies string | undefined
const anyBackend: IJobQueueBackend = dummy

// @ts-expect-error -- the payload of this handler is a string
queue.process<string>('x', (job) => job.data.toFixed())
// @ts-expect-error -- no such scope
await queue.enqueue('x', 1, { dedupeScope: 'active' })
// @ts-expect-error -- a connection, or a connection string, not both
new MongoJobQueue({ db, uri: 'mongodb://localhost', database: 'app' })
// @ts-expect-error -- a job type is a string
await queue.enqueue({ $gt: '' }, 1)

/** A map of job types checks payloads at both ends. */
interface Jobs {
  'welcome-email': { userId: string }
  tick: number
}
const typed = new JobQueue<Jobs>(anyBackend)
await typed.enqueue('tick', 1)
typed.process('welcome-email', (job) => sendWelcomeEmail(job.data.userId))
// @ts-expect-error -- the payload of tick is a number
await typed.enqueue('tick', 'one')
// @ts-expect-error -- no such type
await typed.enqueue('tock', 1)

// Also through a handle.
const tick = await typed.claimOrEnqueue('tick', 1)
if (tick) {
  tick.data satisfies number
  await typed.runClaimed(tick, (job) => void job.data.toFixed())
  // @ts-expect-error -- the payload of tick is a number
  await typed.runClaimed(tick, (job: Job<string>) => void job.data.trim())
}
// @ts-expect-error -- the payload of tick is a number
await typed.claimOrEnqueue('tick', { n: 1 })
// @ts-expect-error -- the handler is for another payload
typed.process('tick', (job: Job<string>) => void job.data.trim())
// A type alias will do, and a map that is open checks nothing.
const aliased = new JobQueue<{ tock: Date }>(anyBackend)
await aliased.enqueue('tock', new Date())
// @ts-expect-error -- the payload of tock is a date
await aliased.enqueue('tock', Date.now())
await new JobQueue<Record<string, unknown>>(anyBackend).enqueue('whatever', 1)

/** Queues that others make have a map as well. */
await createJobQueue<Jobs>(anyBackend).enqueue('tick', 1)
// @ts-expect-error -- the payload of tick is a number
await createJobQueue<Jobs>().enqueue('tick', 'one')
// @ts-expect-error -- no such type
await getDefaultQueue<Jobs>().enqueue('tock', 1)
const ids: string[] = await withGlobalQueue(anyBackend, async (global: JobQueue<Jobs>) => {
  // @ts-expect-error -- no such type
  await global.enqueue('tock', 1)
  return [(await global.enqueue('tick', 1)) ?? '']
})
const named = await withGlobalQueue<string | null>(anyBackend, {}, (global) => global.enqueue('x', ids))

/** A queue with a map goes where any queue will do, and not where every job is to be accepted. */
declare function watch(any: JobQueue<any>): void
declare function enqueueWhatever(open: JobQueue): void
watch(typed)
watch(aliased)
watch(queue)
// @ts-expect-error -- it would be asked for types that its map does not have
enqueueWhatever(typed)
enqueueWhatever(createJobQueue(named === null ? dummy : anyBackend))

/** Without a map, each call may name its payload, or leave it to be inferred. */
await queue.enqueue<{ userId: string }>('welcome-email', { userId: 'u_1' })
// @ts-expect-error -- not the named payload
await queue.enqueue<{ userId: string }>('welcome-email', { userId: 5 })
queue.process('inferred', (job: Job<{ n: number }>) => void job.data.n.toFixed())
const inferred = await queue.claimOrEnqueue('inferred', { n: 1 })
inferred?.data.n satisfies number | undefined
queue.process('unknown', (job) => {
  // @ts-expect-error -- its type is not given
  job.data.n
})
dummy.getJobsByType<{ n: number }>('inferred')[0]?.data.n satisfies number | undefined

/** Events are told apart by their kind. */
new JobQueue(anyBackend, undefined, {
  onJobEvent(event) {
    if (event.kind === 'failed') event.terminal satisfies boolean
    if (event.kind === 'reaper-recovered') event.handled satisfies number
    else if (event.kind !== 'reaper-error') event.jobId satisfies string
    // @ts-expect-error -- a sweep is about no job in particular
    if (event.kind === 'reaper-recovered') event.jobId satisfies string
  },
})

{
  await using scoped = new JobQueue(new DummyBackend())
  await scoped.enqueue('x', {})
}
