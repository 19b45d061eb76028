/** durabl: the checkout that this file is part of, or another one. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from '../../scripts/process.mjs'

export const about = {
  title: 'durabl',
  packages: [],
  server: 'mongodb',
  tunedServer: 'mongodb-tuned',
  settings: 'as it comes; change streams, or a tuned server, only where a row says so',
  sizes: { 1: 20_000, 16: 20_000, 100: 20_000 },
  enqueues: 20_000,
  bulk: '`enqueueMany`',
}

const TYPE = 'bench'

/**
 * @param variant.push with change streams
 * @param variant.pollInterval as for `process`
 * @param variant.home the checkout
 * @param variant.settings more options of its backend
 * @param variant.quick acknowledged before it is on disk, as Redis does
 */
export async function open(
  { url, database },
  { push = false, pollInterval, home = root, settings = {}, quick = false } = {},
) {
  const { MongoClient } = await import('../mongodb.mjs')
  const { JobQueue, MongoJobQueue } = await import(pathToFileURL(join(home, 'index.mjs')).href)
  const client = await MongoClient.connect(url, quick ? { writeConcern: { w: 1, journal: false } } : {})
  const backend = new MongoJobQueue({ db: client.db(database), useChangeStreams: push, ...settings })
  const queue = new JobQueue(backend)
  const jobs = backend.getCollection()
  /** From the end of the index that those stand in: at its front are the traces of all that have left it. */
  const oneThatIs = (status) => {
    const last = { status: -1, type: -1, [status === 'pending' ? 'priority' : 'claimedAt']: -1 }
    return jobs.findOne({ status, type: TYPE }, { sort: last, projection: { _id: 1 } })
  }
  return {
    setUp: () => queue.startup(),
    add: (data, delay = 0) => queue.enqueue(TYPE, data, { delay }),
    addMany: (datas, delay = 0) => {
      const options = { delay }
      return queue.enqueueMany(datas.map((data) => ({ type: TYPE, data, options })))
    },
    prepare: async (handle, concurrency) => () => {
      queue.process(TYPE, (job) => handle(job.data), { concurrency, pollInterval })
    },
    /** One worker for each of so many types, of which a job names its own. */
    prepareTypes: (types, handle, concurrency) => () => {
      for (let n = 0; n < types; n += 1)
        queue.process(`${TYPE}-${n}`, (job) => handle(job.data), { concurrency })
    },
    addOf: (n, data) => queue.enqueue(`${TYPE}-${n}`, data),
    isEmpty: async () => !(await oneThatIs('pending')) && !(await oneThatIs('active')),
    close: async () => {
      await queue.shutdown()
      await client.close()
    },
  }
}
