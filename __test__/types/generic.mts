/** Code that is generic over the map of job types, and options that may be undefined. Compiled, never run. */
import {
  DummyBackend,
  JobQueue,
  Orchestrator,
  type EnqueueOptions,
  type Job,
  type JobHandler,
  type JobQueueOptions,
  type MongoJobQueueOptions,
  type ProcessorConfig,
  type SignalHandlerOptions,
} from 'durabl'

/** A service of an app that offers its own methods over a queue. */
export class Service<Jobs extends object> {
  readonly queue = new JobQueue<Jobs>(new DummyBackend())

  add<K extends keyof Jobs & string>(type: K, data: Jobs[K], options?: EnqueueOptions) {
    return this.queue.enqueue(type, data, options)
  }

  addMany<K extends keyof Jobs & string>(type: K, all: Jobs[K][]) {
    return this.queue.enqueueMany<K>(all.map((data) => ({ type, data })))
  }

  async runNow<K extends keyof Jobs & string>(type: K, data: Jobs[K], handler: JobHandler<Jobs[K]>) {
    const handle = await this.queue.claimOrEnqueue(type, data)
    if (handle) await this.queue.runClaimed(handle, handler)
  }

  on<K extends keyof Jobs & string>(type: K, handler: (data: Jobs[K]) => Promise<void>) {
    this.queue.process(type, (job) => handler(job.data))
  }
}

const service = new Service<{ mail: { to: string }; sync: number }>()
await service.add('mail', { to: 'a' })
await service.addMany('sync', [1, 2])
service.on('mail', async ({ to }) => void to.toUpperCase())
// @ts-expect-error -- another type's payload
await service.add('mail', 7)
// @ts-expect-error -- another type's payload
await service.queue.enqueueMany([{ type: 'mail', data: 7 }])
// @ts-expect-error -- no type of the map
await service.queue.enqueue('fax', { to: 'a' })

// With a map the payload may still be the type argument, as in samples for a queue without one.
service.queue.process<{ to: string }>('mail', (job) => void job.data.to.toUpperCase())
const orchestrator = new Orchestrator(service.queue)
orchestrator.define<{ to: string }>('mail', async (job) => void job.data.to.toUpperCase())
orchestrator.define('mail', async (job) => void job.data.to.toUpperCase())
// @ts-expect-error -- another type's payload
orchestrator.define<{ to: string }>('sync', async () => {})
// @ts-expect-error -- no type of the map
orchestrator.define<{ to: string }>('fax', async () => {})
// @ts-expect-error -- another type's payload
service.queue.process<{ to: string }>('sync', async () => {})
// @ts-expect-error -- another type's payload
service.queue.process('mail', (job: Job<number>) => void job.data.toFixed())

declare const flag: boolean
const maybe = flag ? 5 : undefined
const options: EnqueueOptions = { delay: maybe, dedupeKey: flag ? 'k' : undefined, session: undefined }
const processor: ProcessorConfig = { concurrency: maybe, timeoutMs: maybe }
const queue: JobQueueOptions = { visibilityTimeoutMs: maybe, onJobEvent: undefined }
const signals: SignalHandlerOptions = { timeoutMs: maybe }
const mongo: Omit<MongoJobQueueOptions, 'db' | 'uri' | 'database'> = { logger: undefined, maxBlockMs: maybe }
export { mongo, options, processor, queue, signals }
