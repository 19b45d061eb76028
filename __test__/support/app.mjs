/** A queue, a collection of the app's own, and a client of either major version of the driver to write to both. */
import { randomUUID } from 'node:crypto'
import { JobQueue, MongoJobQueue } from 'durabl'
import * as mongodb7 from 'mongodb'
import * as mongodb6 from 'mongodb6'
import { SILENT } from './jobs.mjs'
import { eventLog } from './async.mjs'
import { atEnd } from './cleanup.mjs'
import { testUrl } from './mongo.mjs'

export const DRIVERS = { 'mongodb 7': mongodb7, 'mongodb 6': mongodb6 }

/** An unmodified backend is driven by the engine, and one behind a proxy by plain JavaScript. */
export const WAYS = {
  'by the engine': {},
  'by plain JavaScript': { wrap: (backend) => new Proxy(backend, {}) },
  'by the engine, on mongodb 6': { driver: mongodb6 },
}

/**
 * @param t the test's context
 * @param options.driver the package that the app uses
 * @param options.url of the server; the tests' own by default
 * @param options.client of the client
 * @param options.backend of the backend, beside `db`
 * @param options.queue of the queue
 * @param options.wrap makes the queue's backend of the one on MongoDB
 */
export async function app(t, options = {}) {
  const { driver = mongodb7, url = testUrl(), wrap = (backend) => backend } = options
  const client = await driver.MongoClient.connect(url, options.client)
  atEnd(t, () => client.close())
  const db = client.db(options.database ?? `durabl_test_${randomUUID().slice(0, 13).replace('-', '')}`)
  if (options.database === undefined) atEnd(t, () => db.dropDatabase())
  const backend = new MongoJobQueue({ db, logger: SILENT, ...options.backend })
  atEnd(t, () => backend.shutdown(5000))
  await backend.startup()
  const log = eventLog()
  const queue = new JobQueue(wrap(backend), SILENT, {
    // Where no worker dies, a job that was claimed and forgotten must stay so, and not run half a minute later.
    ...{ autoRecover: false, onJobEvent: log.listener },
    ...options.queue,
  })
  atEnd(t, () => queue.shutdown(0))
  const jobs = backend.getCollection()
  const things = db.collection('things')
  return {
    ...{ client, db, backend, queue, log, jobs, things },
    stored: (id) => jobs.findOne({ _id: id }),
    /** Runs a function in a transaction, as an app does. */
    inTransaction: (work) => client.withSession((session) => session.withTransaction(() => work(session))),
    /** A session that ends with the test. */
    session(from = client) {
      const session = from.startSession()
      atEnd(t, () => session.endSession())
      return session
    },
  }
}
