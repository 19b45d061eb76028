/**
 * Every scenario, as short as shows anything, on a replica set of three: what happened is written down by every process and by the servers,
 * and held against the laws. FAULT_SEED takes other faults and calls. `npm run faults` runs them for longer; docs/faults.md says more.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { MongoClient } from 'mongodb'
import { atEnd } from '../support/cleanup.mjs'
import { startFaultCluster } from './support/cluster.mjs'
import { runEpisode } from './support/episode.mjs'
import { replayOf, shown } from './support/report.mjs'
import { SCENARIOS, scheduleOf } from './support/scenarios.mjs'

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

test('a seed tells what is done, and when', () => {
  const scenario = SCENARIOS['several at once']
  assert.deepEqual(scheduleOf(scenario, 5, 20_000), scheduleOf(scenario, 5, 20_000))
  assert.notDeepEqual(scheduleOf(scenario, 5, 20_000), scheduleOf(scenario, 6, 20_000))
})

describe('a bridge', () => {
  test('parts a primary from its majority, while clients still reach it', async (t) => {
    await cluster.whole()
    const { node } = await cluster.primary()
    const client = await MongoClient.connect(`mongodb://127.0.0.1:${node.bridge.port}/?directConnection=true`)
    atEnd(t, () => client.close())
    const probes = client.db('probe').collection('probes')
    cluster.cutOff(node, false)
    const acknowledged = { w: 'majority', wtimeoutMS: 500 }
    await assert.rejects(probes.insertOne({}, { writeConcern: acknowledged }))
    await cluster.primary({ except: node })
    await cluster.heal()
  })

  test('loses replies after the server has done what it was asked', async (t) => {
    const { node } = await cluster.primary()
    const url = `mongodb://127.0.0.1:${node.bridge.port}/?directConnection=true&retryWrites=false`
    const client = await MongoClient.connect(url)
    atEnd(t, () => client.close())
    const probes = client.db('probe').collection('lost')
    node.bridge.loseReplies(() => true)
    await assert.rejects(probes.insertOne({}))
    node.bridge.heal()
    assert.equal(await probes.countDocuments(), 1)
  })
})

const names = Object.keys(SCENARIOS).filter((name) => !SCENARIOS[name].isLong)
describe('whatever is done to processes', { concurrency: 2 }, () => {
  for (const name of names.filter((name) => SCENARIOS[name].sparesServers)) scenario(name)
})
describe('whatever is done to servers', () => {
  for (const name of names.filter((name) => !SCENARIOS[name].sparesServers)) scenario(name)
})
