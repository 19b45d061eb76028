/** The engine in worker threads, which load it, use it and end, however that comes about. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runNode } from '../../support/child.mjs'
import { connect } from '../../support/mongo.mjs'

const THREADS = 100

test(`${THREADS} threads end in the middle of jobs and calls; the process lives on, nothing piles up in it, and no job is lost`, async (t) => {
  const { db } = await connect(t)
  const program = '__test__/integration/hosts/programs/worker-threads.mjs'
  const { code, signal, stdout, stderr } = await runNode([program, db.databaseName, String(THREADS)], {
    timeoutMs: 240_000,
  })
  assert.equal(stderr, '')
  assert.deepEqual([code, signal], [0, null])
  const { threads, early, late } = JSON.parse(stdout)
  assert.equal(threads, THREADS)
  // None of them leaves anything behind.
  assert.ok(early.connections > 0)
  for (const [what, count] of Object.entries(late))
    assert.ok(count <= early[what], `${what}: ${early[what]} after the first threads, ${count} after all`)
  const jobs = await db.collection('jobs').find().toArray()
  assert.equal(jobs.length, 50)
  assert.ok(jobs.every(({ status }) => status === 'completed'))
})
