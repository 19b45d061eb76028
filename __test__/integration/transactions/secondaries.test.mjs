/** A handler that reads from a secondary which is behind: with the context's session it waits for what it is to see. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MongoClient } from 'mongodb'
import { deferred } from '../../support/async.mjs'
import { atEnd } from '../../support/cleanup.mjs'
import { replicaSet } from '../../support/servers.mjs'
import { app } from '../../support/app.mjs'

/** The member that is no primary, and how to keep it from applying what it is sent. */
async function secondaryOf(t, set) {
  const port = await Promise.all(
    set.servers.map(async ({ port }) => {
      const client = await MongoClient.connect(`mongodb://127.0.0.1:${port}/?directConnection=true`)
      atEnd(t, () => client.close())
      const { isWritablePrimary } = await client.db('admin').command({ hello: 1 })
      return isWritablePrimary ? null : client.db('admin')
    }),
  )
  const admin = port.find((secondary) => secondary !== null)
  const apply = (mode) => admin.command({ configureFailPoint: 'rsSyncApplyStop', mode })
  return { stop: () => apply('alwaysOn'), goOn: () => apply('off') }
}

test('a write from before the job was made is seen on a secondary that is behind', async (t) => {
  const set = await replicaSet(t, { nodes: 2 })
  // By one member alone, as the other is not to keep up.
  const env = await app(t, { url: `${set.url}&w=1` })
  const read = (options) => env.things.findOne({ _id: 'order' }, { readPreference: 'secondary', ...options })
  await env.things.insertOne({ _id: 'first' }, { writeConcern: { w: 2 } })
  const secondary = await secondaryOf(t, set)
  atEnd(t, () => secondary.goOn())
  const seen = deferred()
  env.queue.process('work', async (job, ctx) => {
    const without = await read({})
    const session = await ctx.session()
    const waiting = read({ session })
    await secondary.goOn()
    seen.resolve({ without, within: await waiting })
  })
  await secondary.stop()
  await env.things.insertOne({ _id: 'order' })
  await env.queue.enqueue('work', {})
  assert.deepEqual(await seen.promise, { without: null, within: { _id: 'order' } })
})
