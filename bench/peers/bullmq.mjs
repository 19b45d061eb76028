/** BullMQ on Redis. */
export const about = {
  title: 'BullMQ',
  packages: ['bullmq'],
  server: 'redis',
  durableServer: 'redis-durable',
  settings: '`removeOnComplete: true`, so that Redis has the least to keep; else as it comes',
  sizes: { 1: 20_000, 16: 20_000, 100: 20_000 },
  enqueues: 20_000,
  bulk: '`addBulk`',
}

const NAME = 'bench'

export async function open({ port }) {
  const { Queue, Worker } = await import('bullmq')
  const connection = { host: '127.0.0.1', port, maxRetriesPerRequest: null }
  const queueOf = (name) => new Queue(name, { connection, defaultJobOptions: { removeOnComplete: true } })
  const queue = queueOf(NAME)
  const queues = new Map()
  const ready = async (name, handle, concurrency) => {
    const processor = async (job) => handle(job.data)
    const worker = new Worker(name, processor, { connection, concurrency, autorun: false })
    worker.on('error', (error) => console.error(error))
    await worker.waitUntilReady()
    return worker
  }
  await queue.waitUntilReady()
  return {
    setUp: async () => {},
    add: (data, delay = 0) => queue.add(NAME, data, { delay }),
    addMany: (datas, delay = 0) =>
      queue.addBulk(datas.map((data) => ({ name: NAME, data, opts: { delay } }))),
    prepare: async (handle, concurrency) => {
      const worker = await ready(NAME, handle, concurrency)
      return () => void worker.run()
    },
    prepareTypes: async (types, handle, concurrency) => {
      const names = Array.from({ length: types }, (_, n) => `${NAME}-${n}`)
      const workers = await Promise.all(names.map((name) => ready(name, handle, concurrency)))
      for (const name of names) queues.set(name, queueOf(name))
      return () => workers.forEach((worker) => void worker.run())
    },
    addOf: (n, data) => queues.get(`${NAME}-${n}`).add(NAME, data),
    isEmpty: async () => {
      const { wait, active, prioritized } = await queue.getJobCounts('wait', 'active', 'prioritized')
      return wait + active + prioritized === 0
    },
    close: () => queue.close(),
  }
}
