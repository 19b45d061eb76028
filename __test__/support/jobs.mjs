/** A queue and its collection, as a test looks at them beside its workers. */
import { JobQueue, MongoJobQueue } from 'durabl'
import { atEnd } from './cleanup.mjs'
import { connect, testUrl } from './mongo.mjs'
import { pollUntil } from './wait.mjs'

const ignore = () => {}
/** Failures are expected here, and their reports are not the point. */
export const SILENT = { debug: ignore, info: ignore, warn: ignore, error: ignore }

/**
 * A database of the test's own with a started backend and a queue that processes nothing.
 *
 * @returns `config`, with which workers join
 */
export async function jobs(t, options = {}) {
  const { client, db } = await connect(t)
  const backend = new MongoJobQueue({ db, logger: SILENT, ...options })
  atEnd(t, () => backend.shutdown(5000))
  await backend.startup()
  const queue = new JobQueue(backend, SILENT, { autoRecover: false })
  atEnd(t, () => queue.shutdown(0))
  const collection = backend.getCollection()
  const stored = (id) => collection.findOne({ _id: id })
  return {
    ...{ client, db, backend, queue, collection, stored },
    config: { url: testUrl(), database: db.databaseName },
    /** Waits until the job has this status. */
    whenJob: (id, status) =>
      pollUntil(`job ${id} is ${status}`, async () => {
        const job = await stored(id)
        return job?.status === status && job
      }),
    /** Waits until no job is pending or active. */
    whenDone: () =>
      pollUntil('all jobs have ended', async () => {
        const open = await collection.countDocuments({ status: { $in: ['pending', 'active'] } })
        return open === 0
      }),
  }
}
