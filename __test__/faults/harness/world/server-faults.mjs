/** Faults of servers. See `faults.mjs`. */
import { pollUntil } from '../../../support/wait.mjs'
import { lasting } from './drawn.mjs'
import { stopped } from './stopped.mjs'
import { killStreams } from './streams.mjs'
import { letPass } from '../../../support/time.mjs'

const COMMANDS = ['insert', 'update', 'findAndModify', 'find', 'getMore', 'aggregate']

/**
 * Errors after which a driver tries again. Errors by which a server says that it is no longer primary are left out. After a false one, drivers
 * do not look at the server again for ten seconds, which shows nothing about durabl. Step-downs bring the true ones.
 */
const [HOST_UNREACHABLE, NETWORK_TIMEOUT, TIME_LIMIT] = [6, 89, 262]

/** An election that another fault has brought about is waited for. */
const ELECTION_MS = 15_000
const MOST_STEP_DOWNS = 5

/** Does it to the primary, as soon as there is one. */
export async function onPrimary(world, fault, body, how) {
  const primary = pollUntil('there is a primary', () => world.cluster.primaryNow(), {
    patienceMs: ELECTION_MS,
  })
  const node = await primary.catch(() => null)
  if (node) await world.doing(fault, `server ${node.server.port}`, () => body(node), how)
}

/** Fails commands of the clients at every server, for a while; how many. */
async function failing(world, fault, data, ms) {
  await world.doing(fault, 'all servers', async () => {
    const failPoint = await world.failPoints.add({ failCommands: COMMANDS, ...data })
    await letPass(ms, 'commands go on failing')
    return failPoint.undo()
  })
}

/** The number of servers that were up to be killed. */
function outage(fault) {
  return (world, { ms }) =>
    world.doing(fault, 'all servers', async () => {
      const up = world.cluster.nodes.filter(({ isUp }) => isUp)
      for (const node of up) node.kill()
      await letPass(ms, 'the servers stay down')
      await Promise.all(world.cluster.nodes.map((node) => node.start()))
      return up.length
    })
}

export const SERVER_FAULTS = {
  'step-down': {
    draw: () => ({}),
    run: (world) =>
      onPrimary(world, 'step-down', async (node) => {
        const order = { replSetStepDown: 5, secondaryCatchUpPeriodSecs: 2 }
        // It says so itself, or closes the connection; what counts is whether it is one still. It stays one where no other has
        // all that it has written, as on a machine that has no time for them just then.
        for (let tries = 0; tries < MOST_STEP_DOWNS && (await node.isPrimary()); tries += 1) {
          await node.admin.command(order).catch(() => {})
        }
        return (await node.isPrimary()) ? 0 : 1
      }),
  },

  'primary killed': {
    draw: lasting(500, 3000),
    run: (world, { ms }) =>
      onPrimary(world, 'primary killed', async (node) => {
        const wasUp = node.isUp
        node.kill()
        await letPass(ms, 'the server stays down')
        await node.start()
        return wasUp ? 1 : 0
      }),
  },

  'primary frozen': {
    draw: lasting(300, 4500),
    run: (world, { ms }) =>
      onPrimary(world, 'primary frozen', async (node) => {
        node.freeze()
        const effect = await stopped(node.server.pid)
        await letPass(ms, 'the server stays frozen')
        if (node.isFrozen) node.thaw()
        return effect
      }),
  },

  outage: { draw: lasting(1000, 3000), run: outage('outage') },

  'outage of a minute': { draw: () => ({ ms: 60_000 }), run: outage('outage of a minute') },

  'change streams killed': {
    draw: () => ({}),
    run: (world) =>
      onPrimary(world, 'change streams killed', (node) => killStreams(node.admin, world.database)),
  },

  'server slow': {
    draw: (draw) => ({ ms: draw.between(800, 2500), delayMs: draw.one([50, 200, 700]) }),
    run: (world, { ms, delayMs }) =>
      failing(world, 'server slow', { blockConnection: true, blockTimeMS: delayMs }, ms),
  },

  'commands refused': {
    draw: (draw) => ({
      ms: draw.between(300, 1200),
      code: draw.one([HOST_UNREACHABLE, NETWORK_TIMEOUT, TIME_LIMIT]),
    }),
    run: (world, { ms, code }) =>
      failing(world, 'commands refused', { errorCode: code, errorLabels: ['RetryableWriteError'] }, ms),
  },
}
