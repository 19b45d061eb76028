/** Another process, as far as the server and this one can tell. */
import { JobQueue, MongoJobQueue } from 'durabl'
import { SILENT } from './jobs.mjs'
import { pollUntil } from './wait.mjs'
import { atEnd } from './cleanup.mjs'

/**
 * A started queue with a connection of its own: it shares nothing with the others, and knows what the server tells. It ends with
 * the test.
 *
 * @param config the `url` and the `database`
 * @param options of its `MongoJobQueue`; `appName` is what the server knows it by
 * @returns the queue and its backend
 */
export async function elsewhere(t, config, { appName = 'elsewhere', ...options } = {}) {
  const uri = new URL(config.url)
  uri.searchParams.set('appName', appName)
  const backend = new MongoJobQueue({ uri: uri.href, database: config.database, logger: SILENT, ...options })
  // No worker dies: a job that was claimed and forgotten must stay so, and not run half a minute later.
  const queue = new JobQueue(backend, SILENT, { autoRecover: false })
  atEnd(t, () => queue.shutdown(5000))
  await queue.startup()
  // Before that it would look for work by itself, at short intervals.
  if (options.useChangeStreams) await pollUntil('the stream is open', () => backend.isChangeStreamsActive())
  return { queue, backend }
}
