/** Sidequest on MongoDB. */
export const about = {
  title: 'Sidequest',
  packages: ['sidequest', '@sidequest/mongo-backend'],
  server: 'mongodb',
  settings:
    '`runner: "inline"` and `fork: false`, which spare it threads and a process; `maxConcurrentJobs` and the concurrency of the queue of the row; `jobPollingInterval: 10`',
  sizes: { 1: 50, 16: 400, 100: 500 },
  enqueues: 2_000,
}

/** Jobs are classes that Sidequest loads by their file, so what they call stands in one. */
export async function open({ url, database }) {
  const { Sidequest } = await import('sidequest')
  const { BenchJob, handledBy } = await import('./sidequest-job.mjs')
  const { MongoClient } = await import('mongodb')
  const client = await MongoClient.connect(url)
  const jobs = client.db(database).collection('sidequest_jobs')
  const target = new URL(url)
  target.pathname = `/${database}`
  const common = {
    backend: { driver: '@sidequest/mongo-backend', config: target.href },
    logger: { level: 'error' },
    gracefulShutdown: false,
  }
  return {
    // Configured once in a process: a process that works needs more settings than one that only adds.
    setUp: async () => {},
    add: async (data, delay = 0) => {
      await Sidequest.configure(common)
      const builder = Sidequest.build(BenchJob)
      return (delay ? builder.availableAt(new Date(Date.now() + delay)) : builder).enqueue(data)
    },
    prepare: async (handle, concurrency) => {
      handledBy(handle)
      const bounds = { maxConcurrentJobs: concurrency, queues: [{ name: 'default', concurrency }] }
      const quick = { fork: false, runner: 'inline', jobPollingInterval: 10, dashboard: { enabled: false } }
      return () => Sidequest.start({ ...common, ...bounds, ...quick })
    },
    isEmpty: async () => !(await jobs.findOne({ state: { $in: ['waiting', 'claimed', 'running'] } })),
    close: () => client.close(),
  }
}
