/** Tests on a set of three servers, while one process enqueues and two work. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Cluster } from '../../../support/cluster.mjs'
import { Story } from './story.mjs'

/** The long form: the server's own times, and outages as long as real ones. */
export const LONG = process.env.DURABL_LONG === '1'
/** The set elects after 3 s of silence instead of 10, to save time. */
const SETTINGS = LONG ? {} : { electionTimeoutMillis: 3000, heartbeatIntervalMillis: 500 }

/**
 * Starts a set for the tests of a file, and stops it after them.
 *
 * @param options of {@link Cluster.start}
 * @returns a function that makes a test which begins and ends with a healthy set. The test's `body` gets its context, the story and the
 *   cluster
 */
export function failovers(options) {
  let cluster
  const rejections = []
  const noteRejection = (reason) => rejections.push(reason)

  before(async () => {
    process.on('unhandledRejection', noteRejection)
    cluster = await Cluster.start(SETTINGS, options)
  })
  after(async () => {
    await cluster?.stop()
    process.off('unhandledRejection', noteRejection)
  })

  return (name, body, story) =>
    test(name, async (t) => {
      await cluster.whole()
      await body(t, await Story.begin(t, cluster, story), cluster)
      await cluster.whole()
      assert.deepEqual(rejections, [])
    })
}
