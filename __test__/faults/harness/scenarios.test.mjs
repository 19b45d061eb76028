/**
 * Every scenario on a replica set of three, as short as shows anything. Every process and the servers write down what happens, and the laws
 * are checked against it. FAULT_SEED takes other faults and calls. `npm run faults` runs them for longer; docs/design/faults.md says more.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { MongoClient } from 'mongodb'
import { pollUntil } from '../../support/wait.mjs'
import { atEnd } from '../../support/cleanup.mjs'
import { startFaultCluster } from './cluster.mjs'
import { runEpisode } from './episode.mjs'
import { replayOf, shown } from './report.mjs'
import { SCENARIOS, scheduleOf, seedOf } from './scenarios.mjs'
import { FailPoints } from './world/fail-points.mjs'

const SEED = seedOf(process.env, 1)
const MS = 2500

let cluster
before(async () => (cluster = await startFaultCluster()))
after(() => cluster?.stop())

function scenario(name) {
  test(name, async (t) => {
    await cluster.whole()
    const episode = await runEpisode(t, cluster, { scenario: name, seed: SEED, ms: MS })
    const { figures, findings } = episode
    t.diagnostic(
      `${figures.jobs} jobs, ${figures.runs} runs, ${figures.faults} faults, ${figures.effects} effects`,
    )
    assert.ok(figures.completed > 20, `only ${figures.completed} jobs were completed: that shows nothing`)
    assert.deepEqual(findings, [], `${findings.map(shown).join('\n')}\n${replayOf(episode)}`)
  })
}

test('a seed decides what is done, and when', () => {
  const scenario = SCENARIOS['several at once']
  assert.deepEqual(scheduleOf(scenario, 5, 20_000), scheduleOf(scenario, 5, 20_000))
  assert.notDeepEqual(scheduleOf(scenario, 5, 20_000), scheduleOf(scenario, 6, 20_000))
})

test('a seed is a whole number', () => {
  assert.deepEqual([seedOf({}, 9), seedOf({ FAULT_SEED: '12' }, 9)], [9, 12])
  for (const text of ['seven', '-1', '1.5']) assert.throws(() => seedOf({ FAULT_SEED: text }, 9), RangeError)
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
    const undo = node.bridge.loseReplies(() => true)
    await assert.rejects(probes.insertOne({}))
    undo()
    assert.equal(await probes.countDocuments(), 1)
  })

  test('lets pass only traffic that no other cut holds back', async (t) => {
    const { node } = await cluster.primary()
    const url = `mongodb://127.0.0.1:${node.bridge.port}/?directConnection=true&retryWrites=false`
    const client = await MongoClient.connect(url, { serverSelectionTimeoutMS: 500 })
    atEnd(t, () => client.close())
    const probes = client.db('probe').collection('two')
    const cuts = [node.bridge.cut('clients', false), node.bridge.cut('clients', false)]
    cuts[0].undo()
    await assert.rejects(probes.insertOne({}))
    assert.ok(cuts[0].hit() > 0)
    cuts[1].undo()
    await probes.insertOne({})
    const losses = [node.bridge.loseReplies(() => true), node.bridge.loseReplies(() => true)]
    losses[0]()
    await assert.rejects(probes.insertOne({}))
    losses[1]()
    await probes.insertOne({})
  })

  test('delivers what it holds up when its sender is gone, and changes what it is told to', async () => {
    const { node } = await cluster.primary()
    const url = `mongodb://127.0.0.1:${node.bridge.port}/?directConnection=true&retryWrites=false`
    const client = await MongoClient.connect(url)
    const probes = client.db('probe').collection('late')
    await probes.insertOne({ _id: 1 })
    const change = ({ updates: [{ u }] }) => void (u.$set.seen = 'changed')
    let isHeld
    const held = new Promise((resolve) => (isHeld = resolve))
    const undo = node.bridge.meddle((command) => {
      if (command.update !== 'late') return null
      isHeld()
      return { delayMs: 300, change }
    })
    const update = probes.updateOne({ _id: 1 }, { $set: { seen: 'sent' } }).catch(() => {})
    await held
    await client.close(true)
    await update
    undo()
    const seen = () => node.client.db('probe').collection('late').findOne({ _id: 1 })
    await pollUntil('it has arrived', async () => (await seen()).seen === 'changed')
  })
})

test('fail points that overlap end each by itself', async (t) => {
  const { node } = await cluster.primary()
  const url = `mongodb://127.0.0.1:${node.bridge.port}/?directConnection=true&retryWrites=false`
  const client = await MongoClient.connect(url)
  atEnd(t, () => client.close())
  const probes = client.db('probe').collection('refused')
  const failPoints = new FailPoints(cluster.nodes)
  const slow = await failPoints.add({ failCommands: ['insert'], blockConnection: true, blockTimeMS: 5 })
  const refusing = await failPoints.add({ failCommands: ['insert'], errorCode: 89 })
  await assert.rejects(probes.insertOne({}))
  assert.equal(await slow.undo(), 1)
  await assert.rejects(probes.insertOne({}))
  assert.equal(await refusing.undo(), 2)
  await probes.insertOne({})
})

const names = Object.keys(SCENARIOS).filter((name) => !SCENARIOS[name].isLong)
describe('whatever is done to processes', { concurrency: 2 }, () => {
  for (const name of names.filter((name) => SCENARIOS[name].sparesServers)) scenario(name)
})
describe('whatever is done to servers', () => {
  for (const name of names.filter((name) => !SCENARIOS[name].sparesServers)) scenario(name)
})
