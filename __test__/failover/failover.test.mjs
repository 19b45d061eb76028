/**
 * Primaries step down, die and freeze, and all servers go at once, while one process enqueues and two work. The set elects
 * after 3 s of silence instead of 10, to save time; DURABL_LONG=1 takes the server's own 10 s, and longer outages.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Cluster } from './support/cluster.mjs'
import { Story, now } from './support/story.mjs'

const LONG = process.env.DURABL_LONG === '1'
const FREEZE_MS = LONG ? 60_000 : 12_000
const DOWN_MS = LONG ? 30_000 : 8000

let cluster
const rejections = []
const noteRejection = (reason) => rejections.push(reason)

before(async () => {
  process.on('unhandledRejection', noteRejection)
  cluster = await Cluster.start(LONG ? {} : { electionTimeoutMillis: 3000, heartbeatIntervalMillis: 500 })
})
after(async () => {
  await cluster?.stop()
  process.off('unhandledRejection', noteRejection)
})

/** A test that begins and ends with a set that is well. */
function failover(name, body) {
  test(name, async (t) => {
    await cluster.whole()
    await body(t, await Story.begin(t, cluster))
    await cluster.whole()
    assert.deepEqual(rejections, [])
  })
}

failover('when the primary steps down, work goes on with the next one', async (t, story) => {
  const { node } = await cluster.primary()
  // It breaks off its own connection's command.
  await node.admin.command({ replSetStepDown: 20, secondaryCatchUpPeriodSecs: 5 }).catch(() => {})
  const { at } = await cluster.primary({ except: node })
  await story.allWorkAgain(at)
  await story.end({ isShorterThanLeases: true })
})

failover(
  'when the primary is killed, work goes on with the next one, and with it when it is back',
  async (t, story) => {
    const { node } = await cluster.primary()
    node.kill()
    const { at } = await cluster.primary({ except: node })
    await story.allWorkAgain(at)
    await node.start()
    await cluster.whole()
    await story.workGoesOn(now())
    await story.end({ isShorterThanLeases: true })
  },
)

failover(
  'when the primary freezes, work goes on with the next one, and it can’t take anything back when it thaws',
  async (t, story) => {
    const { node } = await cluster.primary()
    node.freeze()
    t.after(() => node.isFrozen && node.thaw())
    const frozenAt = now()
    const { at } = await cluster.primary({ except: node })
    await story.allWorkAgain(at)
    await sleep(Math.max(0, FREEZE_MS - (now() - frozenAt)))
    node.thaw()
    await cluster.whole()
    await story.workGoesOn(now())
    await story.end({ isShorterThanLeases: true })
  },
)

failover(
  'when all servers are down for a while, everything acknowledged is run once they are back',
  async (t, story) => {
    for (const node of cluster.nodes) node.kill()
    await sleep(DOWN_MS)
    await Promise.all(cluster.nodes.map((node) => node.start()))
    const { at } = await cluster.primary()
    await story.allWorkAgain(at)
    await story.end({ isShorterThanLeases: !LONG })
  },
)
