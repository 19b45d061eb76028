/** The server that the tests run on, and what each test has of it: a database of its own, gone afterwards. */
import { randomUUID } from 'node:crypto'
import { MongoClient } from 'mongodb'
import { atEnd } from './cleanup.mjs'

/** The connection string of a replica set; `npm test` sets it. */
export function testUrl() {
  const url = process.env.DURABL_TEST_URL
  if (!url) throw new Error('DURABL_TEST_URL is not set: run the tests by `npm test`')
  return url
}

/**
 * A connected client and a database that no other test knows; both end with the test.
 *
 * @param t the test's context
 * @param options of the client
 */
export async function connect(t, options) {
  const client = await MongoClient.connect(testUrl(), options)
  const db = client.db(`durabl_test_${randomUUID().slice(0, 13).replace('-', '')}`)
  atEnd(t, async () => {
    await db.dropDatabase()
    await client.close()
  })
  return { client, db }
}
