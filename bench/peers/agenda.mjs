/** Agenda on MongoDB. */
export const about = {
  title: 'Agenda',
  packages: ['agenda', '@agendajs/mongo-backend'],
  server: 'mongodb',
  settings:
    '`processEvery: 100`, `removeOnComplete`, `maxConcurrency` and `concurrency` of the row, `lockLimit` of at least 20',
  sizes: { 1: 200, 16: 500, 100: 500 },
  enqueues: 2_000,
}

const NAME = 'bench'

export async function open({ url, database }) {
  const { Agenda } = await import('agenda')
  const { MongoBackend } = await import('@agendajs/mongo-backend')
  const { MongoClient } = await import('mongodb')
  const client = await MongoClient.connect(url)
  const mongo = client.db(database)
  const settings = { processEvery: 100, removeOnComplete: true }
  const agenda = new Agenda({ backend: new MongoBackend({ mongo, ensureIndex: true }), ...settings })
  agenda.on('error', (error) => console.error(error))
  return {
    setUp: () => agenda.ready,
    add: (data, delay = 0) => agenda.schedule(new Date(Date.now() + delay), NAME, data),
    prepare: async (handle, concurrency) => {
      const bounds = { concurrency, lockLimit: Math.max(20, concurrency) }
      agenda.maxConcurrency(concurrency)
      agenda.define(NAME, async (job) => handle(job.attrs.data), bounds)
      return () => agenda.start()
    },
    isEmpty: async () => !(await mongo.collection('agendaJobs').findOne({})),
    close: () => client.close(),
  }
}
