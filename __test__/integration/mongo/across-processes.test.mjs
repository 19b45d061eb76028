/** Jobs outlive the processes that make them and those that run them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runNode } from '../../support/child.mjs'
import { connect } from '../../support/mongo.mjs'
import { pollUntil } from '../../support/wait.mjs'

const script = (name) => `__test__/integration/mongo/processes/${name}.mjs`

/** Runs a process, kills it with -9 as soon as `isEnough` says so of its lines, and returns them. */
async function killedAt(name, args, isEnough) {
  const lines = []
  const run = await runNode([script(name), ...args], {
    timeoutMs: 60_000,
    async onLine(line, child) {
      lines.push(line)
      if (await isEnough(line, lines)) child.kill('SIGKILL')
    },
  })
  assert.equal(run.timedOut, false, `${name} did not get so far: ${run.stdout}\n${run.stderr}`)
  assert.equal(run.signal, 'SIGKILL', run.stderr)
  return lines
}

test('jobs of processes that are killed run in others, killed and restarted in between, each once', async (t) => {
  const { db } = await connect(t)
  const database = db.databaseName
  const jobs = db.collection('jobs')
  const allCompleted = async (line) => {
    if (line !== 'ready') return false
    return pollUntil(
      '50 are completed',
      async () => (await jobs.countDocuments({ status: 'completed' })) === 50,
    )
  }

  const ids = await killedAt('enqueuer', [database, '0', '40'], (line) => line === 'done')
  // In the middle of its work: some jobs are claimed, and must not stay so.
  const first = await killedAt('worker', [database], (_, lines) => lines.length === 11)
  ids.push(...(await killedAt('enqueuer', [database, '40', '10'], (line) => line === 'done')))
  const second = await killedAt('worker', [database], allCompleted)

  const acknowledged = ids.filter((line) => line !== 'done')
  const stored = await jobs.find().toArray()
  assert.deepEqual(stored.map((job) => job._id).sort(), acknowledged.sort())
  assert.equal(new Set(acknowledged).size, 50)
  assert.deepEqual(new Set(stored.map((job) => job.status)), new Set(['completed']))
  const told = [...first, ...second].filter((line) => line !== 'ready')
  assert.equal(new Set(told).size, told.length, 'no run was acknowledged twice')
})
