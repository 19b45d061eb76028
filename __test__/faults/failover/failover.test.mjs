/**
 * Primaries step down, die and freeze, and all servers go at once, while one process enqueues and two work. DURABL_LONG=1 takes the
 * server's own election timeout, and longer outages.
 */
import { LONG, failovers } from './support/failovers.mjs'
import { now } from './support/story.mjs'
import { letPass } from '../../support/time.mjs'

const FREEZE_MS = LONG ? 60_000 : 12_000
const DOWN_MS = LONG ? 30_000 : 8000

const failover = failovers()

failover('when the primary steps down, work goes on with the next one', async (t, story, cluster) => {
  const { node } = await cluster.primary()
  // It breaks off its own connection's command.
  await node.admin.command({ replSetStepDown: 20, secondaryCatchUpPeriodSecs: 5 }).catch(() => {})
  const { at } = await cluster.primary({ except: node })
  await story.allWorkAgain(at)
  await story.end({ isShorterThanLeases: true })
})

failover(
  'when the primary is killed, work goes on with the next one, and with it when it is back',
  async (t, story, cluster) => {
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
  async (t, story, cluster) => {
    const { node } = await cluster.primary()
    node.freeze()
    t.after(() => node.isFrozen && node.thaw())
    const frozenAt = now()
    const { at } = await cluster.primary({ except: node })
    await story.allWorkAgain(at)
    await letPass(Math.max(0, FREEZE_MS - (now() - frozenAt)), 'the primary stays frozen')
    node.thaw()
    await cluster.whole()
    await story.workGoesOn(now())
    await story.end({ isShorterThanLeases: true })
  },
)

failover(
  'when all servers are down for a while, everything acknowledged is run once they are back',
  async (t, story, cluster) => {
    for (const node of cluster.nodes) node.kill()
    await letPass(DOWN_MS, 'the servers stay down')
    await Promise.all(cluster.nodes.map((node) => node.start()))
    const { at } = await cluster.primary()
    await story.allWorkAgain(at)
    await story.end({ isShorterThanLeases: !LONG })
  },
  // Leases of a minute: the servers have to start and to elect as well, which may take longer than the default of 20 s.
  { heartbeatIntervalMs: 15_000 },
)
