/** A queue behind a proxy, whose network a test controls, and one beside the server that sees what really happens. */
import { JobQueue, MongoJobQueue } from 'durabl'
import { eventLog } from '../../../support/async.mjs'
import { atEnd } from '../../../support/cleanup.mjs'
import { SILENT, jobs } from '../../../support/jobs.mjs'
import { startProxy } from '../../../support/proxies/proxy.mjs'

/**
 * @param options of the connection behind the proxy
 * @returns `far`, the backend behind the `proxy`, and `near`, the one beside the server
 */
export async function farBackend(t, options) {
  const { backend: near, collection, db, stored } = await jobs(t)
  const proxy = await startProxy(t)
  const far = new MongoJobQueue({ uri: proxy.url(options), database: db.databaseName, logger: SILENT })
  atEnd(t, () => far.shutdown(1000))
  // Opens the connection: what is lost later is not part of that.
  await far.getStats()
  return { near, far, proxy, db, collection, stored, all: () => collection.find().sort({ _id: 1 }).toArray() }
}

/** As {@link farBackend}, with a queue on the far side that will process `work` once it is told to start. */
export async function farWorker(t, { options, handler, config, visibilityTimeoutMs = 4000 }) {
  const env = await farBackend(t, options)
  const log = eventLog()
  const queue = new JobQueue(env.far, SILENT, { onJobEvent: log.listener, visibilityTimeoutMs })
  atEnd(t, () => queue.shutdown(1000))
  return { ...env, queue, log, start: () => queue.process('work', handler, { pollInterval: 100, ...config }) }
}
