/** The calculation of `docs/how-to/scaling.md`. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { capacity, costsOf, measuredCosts } from '../../../bench/capacity.mjs'
import { runNode } from '../../support/child.mjs'

const COSTS = { addingUs: 20, addingManyUs: 9, runningUs: 50, workerUs: 13 }

const LOAD = {
  jobsPerSecond: 500,
  peak: 5,
  cores: 8,
  payloadBytes: 500,
  retentionDays: 7,
  isBatched: false,
}

test('one job takes the measured processor time, and a busy primary keeps two fifths free', () => {
  const { serverUs, mostJobsPerSecond } = capacity({ ...LOAD, cores: 1 }, COSTS)
  assert.equal(serverUs, COSTS.addingUs + COSTS.runningUs)
  assert.equal(mostJobsPerSecond, Math.floor(600_000 / serverUs))
})

test('replica sets are as many as the busiest minute needs', () => {
  const { mostJobsPerSecond } = capacity(LOAD, COSTS)
  assert.equal(capacity({ ...LOAD, peak: 1, jobsPerSecond: mostJobsPerSecond }, COSTS).replicaSets, 1)
  assert.equal(capacity({ ...LOAD, peak: 1, jobsPerSecond: 2.5 * mostJobsPerSecond }, COSTS).replicaSets, 3)
})

test('the costs are medians of what was measured, and none if one is missing', () => {
  const rounds = (...costs) => costs.map((serverCpu) => ({ serverCpu, cpu: serverCpu / 2 }))
  const one = (kind, ...costs) => ({ id: 'durabl', ...kind, rounds: rounds(...costs) })
  const enqueue = { contestants: [one({ kind: 'single' }, 10, 18.6, 30), one({ kind: 'bulk' }, 8)] }
  const throughput = { contestants: [one({ concurrency: 1 }, 70), one({ concurrency: 16 }, 40)] }
  assert.deepEqual(costsOf({ enqueue, throughput }), {
    ...{ addingUs: 19, addingManyUs: 8, runningUs: 40, workerUs: 20 },
  })
  assert.equal(costsOf({ enqueue }), null)
  assert.ok(measuredCosts().runningUs > 0)
})

test('the page shows what the command prints', async () => {
  const page = readFileSync(new URL('../../../docs/how-to/scaling.md', import.meta.url), 'utf8')
  const [, args, shown] = page.match(/\$ node (bench\/capacity\.mjs.*)\n([\s\S]*?)```/)
  const { stdout } = await runNode(args.split(' '), { timeoutMs: 60_000 })
  assert.equal(shown.trim(), stdout.trim())
})

test('a load that is no number is refused by its name', async () => {
  const { code, stderr } = await runNode(['bench/capacity.mjs', '--cores', 'many'], { timeoutMs: 60_000 })
  assert.notEqual(code, 0)
  assert.match(stderr, /--cores takes a number above 0, not many/)
})
