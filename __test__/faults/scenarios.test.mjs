/**
 * Every scenario, as short as shows anything, on a replica set of three: what happened is written down by every process and by the servers,
 * and held against the laws. FAULT_SEED takes other faults and calls. `npm run faults` runs them for longer; docs/faults.md says more.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startFaultCluster } from './support/cluster.mjs'
import { runEpisode } from './support/episode.mjs'
import { replayOf, shown } from './support/report.mjs'
import { SCENARIOS } from './support/scenarios.mjs'

const SEED = Number(process.env.FAULT_SEED ?? 1)
const MS = 2500

let cluster
before(async () => (cluster = await startFaultCluster()))
after(() => cluster?.stop())

function scenario(name) {
  test(name, async (t) => {
    await cluster.whole()
    const episode = await runEpisode(t, cluster, { scenario: name, seed: SEED, ms: MS })
    const { figures, findings, schedule } = episode
    t.diagnostic(`${figures.jobs} jobs, ${figures.runs} runs, ${figures.faults} faults`)
    assert.ok(figures.completed > 20, `only ${figures.completed} jobs were completed: that shows nothing`)
    assert.ok(figures.faults > 0 || schedule.length === 0, 'no fault was injected')
    assert.deepEqual(findings, [], `${findings.map(shown).join('\n')}\n${replayOf(episode)}`)
  })
}

const names = Object.keys(SCENARIOS).filter((name) => !SCENARIOS[name].isLong)
describe('whatever is done to processes', { concurrency: 2 }, () => {
  for (const name of names.filter((name) => SCENARIOS[name].sparesServers)) scenario(name)
})
describe('whatever is done to servers', () => {
  for (const name of names.filter((name) => !SCENARIOS[name].sparesServers)) scenario(name)
})
