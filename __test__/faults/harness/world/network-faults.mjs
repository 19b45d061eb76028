/** Faults of the traffic between servers and others. See `faults.mjs`. */
import { drawing } from '../../../support/random.mjs'
import { onPrimary } from './server-faults.mjs'
import { LEASE_MS } from './world.mjs'
import { letPass } from '../../../support/time.mjs'

/**
 * Not inserts: one that arrives after its caller has tried again makes a job which that caller was told not to be made. It is not promised
 * that this can't be.
 */
const MAY_BE_LATE = ['update', 'findAndModify']

const sum = (counts) => counts.reduce((total, count) => total + count, 0)

export const NETWORK_FAULTS = {
  'primary cut off': {
    draw: (draw) => ({ ms: draw.between(1000, 5000), isSilent: draw.chance(0.5), alone: draw.chance(0.3) }),
    run: (world, { ms, isSilent, alone }) => {
      const cutOff = async (node) => {
        const cuts = world.cluster.cutOff(node, isSilent)
        if (alone) cuts.push(node.bridge.cut('clients', isSilent))
        await letPass(ms, 'the primary stays cut off')
        for (const { undo } of cuts) undo()
        return sum(cuts.map(({ hit }) => hit()))
      }
      return onPrimary(world, 'primary cut off', cutOff, alone ? 'from clients too' : null)
    },
  },

  'replies lost': {
    draw: (draw) => ({
      ms: draw.between(800, 2500),
      portion: draw.one([0.02, 0.1, 0.3]),
      seed: draw.between(1, 1e9),
    }),
    run: (world, { ms, portion, seed }) =>
      world.doing('replies lost', 'all servers', async () => {
        const draw = drawing(seed)
        const bridges = world.cluster.nodes.map(({ bridge }) => bridge)
        const lost = () => sum(bridges.map((bridge) => bridge.lost))
        const before = lost()
        let asked = 0
        // The first one always, so that a short time of a small portion is not a time in which nothing happens.
        const undo = bridges.map((bridge) =>
          bridge.loseReplies(() => (asked += 1) === 1 || draw.chance(portion)),
        )
        await letPass(ms, 'replies go on getting lost')
        for (const end of undo) end()
        return lost() - before
      }),
  },

  'connections broken': {
    draw: () => ({}),
    run: (world) =>
      world.doing('connections broken', 'all servers', async () =>
        sum(world.cluster.nodes.map(({ bridge }) => bridge.hangUp())),
      ),
  },

  'writes late': {
    draw: (draw) => ({
      ms: draw.between(800, 2000),
      portion: draw.one([0.3, 0.5, 0.8]),
      seed: draw.between(1, 1e9),
    }),
    run: (world, { ms, portion, seed }) =>
      world.doing('writes late', 'all servers', async () => {
        const draw = drawing(seed)
        let held = 0
        const undo = world.cluster.nodes.map(({ bridge }) =>
          bridge.meddle((command) => {
            const [name] = Object.keys(command)
            // Other databases belong to others who use these servers.
            if (command.$db !== world.database || !MAY_BE_LATE.includes(name) || !draw.chance(portion))
              return null
            held += 1
            return { delayMs: draw.between(LEASE_MS * 1.1, LEASE_MS * 1.6) }
          }),
        )
        await letPass(ms, 'writes go on being held')
        for (const end of undo) end()
        return held
      }),
  },
}
