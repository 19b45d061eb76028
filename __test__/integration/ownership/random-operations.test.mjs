/**
 * Random operations on MongoDB and on the reference model, compared after each. `support/rounds.mjs` says how a run is had again.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { atRandom, newSeed } from '../../support/rounds.mjs'
import { override } from '../../support/override.mjs'
import { jobs } from '../../support/jobs.mjs'
import { findDifference, show } from './support/random/search.mjs'

const seed = newSeed()
const SCRIPTS = 12
const scriptsFrom = (first) => Array.from({ length: SCRIPTS }, (_, n) => first + n)

/** Steps that a reader can follow. */
const FEW = 12

async function sides(t) {
  const { db, backend, collection } = await jobs(t)
  const { localTime } = await db.command({ hello: 1 })
  // On the safe side: what is due there must be due here. Whatever is not due yet is so by an hour.
  const ahead = localTime - Date.now() + 1000
  return { subject: backend, collection, clock: () => Date.now() + ahead }
}

test('MongoDB does what the reference model does', async (t) => {
  const both = await sides(t)
  await atRandom(t, { rounds: SCRIPTS, first: seed }, async ({ seed }) => {
    const difference = await findDifference([seed], both)
    if (difference) assert.fail(`they part after\n${show(difference)}`)
  })
})

/** Backends with a fault each: what the comparison must notice, or it shows nothing. */
const FAULTS = {
  'completes whatever the token': ({ subject }) => ({ complete: (id) => subject.complete(id) }),
  'renews whatever the token': ({ subject }) => ({ heartbeat: (id) => subject.heartbeat(id) }),
  'takes live leases': ({ subject }) => ({
    recoverStuckJobs: (_, most) => subject.recoverStuckJobs(1, most),
  }),
  'lets every second job under a key through': ({ subject }) => ({
    async enqueue(type, data, { dedupeKey, coalesce, ...options }) {
      const held = await subject.enqueue(type, data, { ...options, dedupeKey, coalesce })
      return held ?? subject.enqueue(type, data, { ...options, dedupeScope: undefined })
    },
  }),
  'spends the attempt of a release': ({ subject, collection }) => ({
    async release(id, ...token) {
      const result = await subject.release(id, ...token)
      if (result.status === 'released') await collection.updateOne({ _id: id }, { $inc: { attempt: 1 } })
      return result
    },
  }),
  'claims what is not due': ({ subject, collection }) => ({
    async claimNext(type) {
      await collection.updateMany({ type, status: 'pending' }, { $set: { runAt: new Date(0) } })
      return subject.claimNext(type)
    },
  }),
}

describe('a backend that', () => {
  for (const [fault, plant] of Object.entries(FAULTS)) {
    test(`${fault} is found out, in a few steps`, async (t) => {
      const honest = await sides(t)
      const faulty = { ...honest, subject: override(honest.subject, plant(honest)) }
      let difference = await findDifference(scriptsFrom(seed), faulty)
      assert.ok(difference, `with DURABL_FUZZ_SEED=${seed} nothing was noticed`)
      // Once in a while a script can't be shortened that far, piece by piece; one of two can.
      if (difference.script.length > FEW)
        difference = (await findDifference(scriptsFrom(seed + SCRIPTS), faulty)) ?? difference
      assert.ok(difference.script.length <= FEW, `this is not short:\n${show(difference)}`)
    })
  }
})
