/**
 * Programs as they were written for the TypeScript package, with its types' names: compiled, never run. The lines that have to
 * change in such a program stand under `@ts-expect-error`, each with its replacement below; `docs/how-to/migrating.md` lists them.
 */
import {
  FatalJobError,
  ImmediateBackend,
  JobQueue,
  MongoJobQueue,
  createJobQueue,
  setGlobalBackend,
  type EnqueueOptions,
  type IJobQueueBackend,
  type Job,
  type JobContext,
  type JobHandler,
  type QueueStats,
} from 'durabl'

/** 0.1: a backend of the app's own. Settlements say nothing, or whether they applied; statistics are four counts. */
class OwnBackend implements IJobQueueBackend {
  private readonly jobs: Job<any>[] = []
  async enqueue<T>(type: string, data: T, options?: EnqueueOptions): Promise<string | null> {
    const id = `own-${this.jobs.length}`
    const now = new Date()
    const { priority = 0, maxAttempts = 3 } = options ?? {}
    this.jobs.push({
      ...{ id, type, data, priority, maxAttempts },
      ...{ status: 'pending', attempt: 0, runAt: now, createdAt: now },
    })
    return id
  }
  async claimOrEnqueue<T>(type: string, data: T, options?: EnqueueOptions) {
    const id = await this.enqueue(type, data, options)
    const job = await this.claimNext<T>(type)
    if (!id || !job) return null
    // A handle of its own making, with the three methods that there were.
    const complete = () => this.complete(id)
    const fail = (reason: string) => this.fail(id, reason)
    return { ...job, complete, fail, log: (message: string) => this.log(id, message) }
  }
  async claimNext<T>(type: string): Promise<Job<T> | null> {
    return this.jobs.find((job) => job.type === type) ?? null
  }
  async complete(jobId: string): Promise<boolean> {
    return this.jobs.some(({ id }) => id === jobId)
  }
  async fail(jobId: string, reason: string): Promise<void> {
    console.log(jobId, reason)
  }
  async failFatal(jobId: string, reason: string): Promise<boolean> {
    console.log(reason)
    return this.complete(jobId)
  }
  async heartbeat(jobId: string): Promise<boolean> {
    return this.complete(jobId)
  }
  async log(jobId: string, message: string): Promise<void> {
    console.log(jobId, message)
  }
  async findOne<T>(query: Record<string, unknown>): Promise<Job<T> | null> {
    return this.jobs.find(({ id }) => id === query['id']) ?? null
  }
  async getStats(): Promise<{ pending: number; active: number; completed: number; failed: number }> {
    return { pending: this.jobs.length, active: 0, completed: 0, failed: 0 }
  }
  async startup(): Promise<void> {}
  async shutdown(): Promise<void> {}
  async resetStorage(): Promise<void> {}
}
const queue = new JobQueue(new OwnBackend())
setGlobalBackend(new OwnBackend())
createJobQueue(new OwnBackend())
// The queue's own answer is whole, whatever the backend's was.
const stats: QueueStats = await queue.getStats()
stats.oldestPendingLagMs satisfies number

/** 0.3: a backend around another. It passes values on with their types. */
class Counting implements IJobQueueBackend {
  settled = 0
  constructor(private readonly inner: MongoJobQueue) {}
  enqueue<T>(type: string, data: T, options?: EnqueueOptions) {
    return this.inner.enqueue(type, data, options)
  }
  claimOrEnqueue<T>(type: string, data: T, options?: EnqueueOptions) {
    return this.inner.claimOrEnqueue(type, data, options)
  }
  claimNext<T>(type: string) {
    return this.inner.claimNext<T>(type)
  }
  async complete(jobId: string, claimToken?: string) {
    const result = await this.inner.complete(jobId, claimToken)
    if (result.status === 'completed') this.settled += 1
    return result
  }
  fail(jobId: string, reason: string, claimToken?: string) {
    return this.inner.fail(jobId, reason, claimToken)
  }
  failFatal(jobId: string, reason: string, claimToken?: string) {
    return this.inner.failFatal(jobId, reason, claimToken)
  }
  release(jobId: string, claimToken?: string) {
    return this.inner.release(jobId, claimToken)
  }
  heartbeat(jobId: string, claimToken?: string) {
    return this.inner.heartbeat(jobId, claimToken)
  }
  log(jobId: string, message: string) {
    return this.inner.log(jobId, message)
  }
  findOne<T>(query: Parameters<IJobQueueBackend['findOne']>[0]) {
    return this.inner.findOne<T>(query)
  }
  getStats(type?: string): Promise<QueueStats> {
    return this.inner.getStats(type)
  }
  startup() {
    return this.inner.startup()
  }
  shutdown(timeoutMs?: number) {
    return this.inner.shutdown(timeoutMs)
  }
  resetStorage() {
    return this.inner.resetStorage()
  }
}
new JobQueue(new Counting(new MongoJobQueue({ uri: 'mongodb://localhost', database: 'app' })))

/** Around whatever backend: what comes back may be of any era, and is handed on as it is. */
class Logging {
  constructor(private readonly inner: IJobQueueBackend) {}
  complete(jobId: string, claimToken?: string) {
    return this.inner.complete(jobId, claimToken)
  }
  getStats(type?: string) {
    return this.inner.getStats(type)
  }
}
new Logging(new OwnBackend()) satisfies Pick<IJobQueueBackend, 'complete' | 'getStats'>

/** 0.1: settles by hand. 0.3: returns, throws, heeds the signal. */
const byHand = async (job: Job<{ userId: string }>, ctx: JobContext): Promise<void> => {
  await ctx.log(`for ${job.data.userId}`)
  if (job.attempt > 2) return void (await ctx.failFatal('enough'))
  await ctx.heartbeat()
  await ctx.complete()
}
const byOutcome: JobHandler<{ userId: string }> = async (job, ctx) => {
  if (ctx.signal.aborted || job.data.userId === '') throw new FatalJobError('too late')
}
queue.process<{ userId: string }>('by-hand', byHand, { concurrency: 2 })
queue.process('by-outcome', byOutcome)

/** A unit test that calls a handler itself, with a context made by hand. */
const job: Job<{ userId: string }> = {
  ...{ id: '1', type: 'by-hand', data: { userId: 'u_1' }, status: 'active', attempt: 1, maxAttempts: 3 },
  ...{ priority: 0, runAt: new Date(), createdAt: new Date() },
}
const calls: string[] = []
const made = {
  complete: async () => void calls.push('complete'),
  fail: async () => void calls.push('fail'),
  failFatal: async () => void calls.push('failFatal'),
  heartbeat: async () => void calls.push('heartbeat'),
  log: async () => void calls.push('log'),
}
// @ts-expect-error -- a handler may rely on all of `ctx`, and this is not all of it
await byHand(job, made)
// A handler that says what it uses can be given just that, and is registered like any other,
type Settling = { complete(): Promise<unknown>; log(line: string): Promise<unknown> }
const bySome = async ({ data }: Job<{ userId: string }>, ctx: Settling) => {
  await ctx.log(data.userId)
  await ctx.complete()
}
await bySome(job, made)
queue.process('by-some', bySome)
// and any handler can be run by the backend for tests, which makes the context.
const inline = new ImmediateBackend()
inline.registerHandler('by-hand', byHand)
await inline.enqueue('by-hand', { userId: 'u_1' })
inline.jobs[0]?.status satisfies string | undefined
