/** Pulse, a fork of Agenda, on MongoDB. */
export const about = {
  title: 'Pulse',
  packages: ['@pulsecron/pulse'],
  server: 'mongodb',
  settings: '`processEvery: 100`, `maxConcurrency` and `concurrency` of the row, `lockLimit` of at least 20',
  sizes: { 1: 200, 16: 500, 100: 500 },
  enqueues: 2_000,
}

const NAME = 'bench'

export async function open({ url, database }) {
  const { default: pulsecron } = await import('@pulsecron/pulse')
  const Pulse = pulsecron.Pulse ?? pulsecron.default ?? pulsecron
  const { MongoClient } = await import('mongodb')
  const client = await MongoClient.connect(url)
  const mongo = client.db(database)
  const pulse = new Pulse({ mongo, processEvery: 100 })
  pulse.on('error', (error) => console.error(error))
  return {
    setUp: () => pulse._ready,
    add: (data, delay = 0) => pulse.schedule(new Date(Date.now() + delay), NAME, data),
    prepare: async (handle, concurrency) => {
      pulse.maxConcurrency(concurrency)
      pulse.define(NAME, async (job) => handle(job.attrs.data), {
        concurrency,
        lockLimit: Math.max(20, concurrency),
      })
      return () => pulse.start()
    },
    isEmpty: async () => !(await mongo.collection('pulseJobs').findOne({ nextRunAt: { $ne: null } })),
    close: () => client.close(),
  }
}
