/**
 * What can be done to a world. Each fault is drawn as plain data, so that a seed tells a whole run, and done later: `draw` gives its
 * arguments, `run` does it and undoes it again. Which server is primary is seen when it is done.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { drawing } from '../../../support/random.mjs'
import { killStreams } from './streams.mjs'
import { LEASE_MS } from './world.mjs'

const SKEW_SECONDS = 600
const WRITES = ['insert', 'update', 'findAndModify', 'find', 'getMore', 'aggregate']

/**
 * Errors after which a driver tries again. Not those by which a server says that it is primary no more: one that lies about that is not looked
 * at again for ten seconds, which is the drivers' way and shows nothing of ours; step-downs bring the true ones.
 */
const [HOST_UNREACHABLE, NETWORK_TIMEOUT, TIME_LIMIT] = [6, 89, 262]

/** One of those that are there now. */
const pick = (choices, share) => choices[Math.floor(share * choices.length)]

const share = ({ random }) => ({ share: random() })
const lasting = (least, most) => (draw) => ({ share: draw.random(), ms: draw.between(least, most) })

async function onPrimary(world, fault, body) {
  const node = await world.cluster.primaryNow()
  if (node) await world.doing(fault, `server ${node.server.port}`, () => body(node))
}

function onProcess(world, fault, among, body) {
  const process = pick(among, body.share)
  return process && world.doing(fault, process.name, () => body.of(process))
}

/** Fails commands of the clients at every server, for a while. */
async function failing(world, fault, data, ms) {
  await world.doing(fault, 'all servers', async () => {
    const set = (mode) =>
      Promise.all(
        world.cluster.nodes.map(({ admin }) =>
          admin
            .command({ configureFailPoint: 'failCommand', mode, data: mode === 'off' ? {} : data })
            .catch(() => {}),
        ),
      )
    await set('alwaysOn')
    await sleep(ms)
    await set('off')
  })
}

function outage(world, { ms }) {
  return world.doing('outage', 'all servers', async () => {
    for (const node of world.cluster.nodes) node.kill()
    await sleep(ms)
    await Promise.all(world.cluster.nodes.map((node) => node.start()))
  })
}

export const FAULTS = {
  'worker killed': {
    draw: share,
    run: (world, { share }) =>
      onProcess(world, 'worker killed', world.workers, {
        share,
        async of(worker) {
          worker.fate = 'killed'
          await worker.kill()
          await world.startWorker()
        },
      }),
  },

  'process frozen': {
    draw: lasting(LEASE_MS * 1.3, LEASE_MS * 2),
    run: (world, { share, ms }) =>
      onProcess(world, 'process frozen', world.living, {
        share,
        async of(worker) {
          worker.signal('SIGSTOP')
          await sleep(ms)
          worker.signal('SIGCONT')
        },
      }),
  },

  'worker replaced': {
    draw: share,
    run: (world, { share }) =>
      onProcess(world, 'worker replaced', world.workers, {
        share,
        async of(worker) {
          worker.fate = 'asked to end'
          await world.startWorker()
          worker.signal('SIGTERM')
          await worker.exited
        },
      }),
  },

  'clock set wrong': {
    draw: (draw) => ({ share: draw.random(), seconds: draw.one([-SKEW_SECONDS, 0, SKEW_SECONDS]) }),
    run: (world, { share, seconds }) =>
      onProcess(world, `clock set ${seconds} s off`, world.living, {
        share,
        of: async (worker) => worker.clock?.set(seconds),
      }),
  },

  'step-down': {
    draw: () => ({}),
    run: (world) =>
      onPrimary(world, 'step-down', (node) =>
        node.admin.command({ replSetStepDown: 5, secondaryCatchUpPeriodSecs: 2 }).catch(() => {}),
      ),
  },

  'primary killed': {
    draw: lasting(500, 3000),
    run: (world, { ms }) =>
      onPrimary(world, 'primary killed', async (node) => {
        node.kill()
        await sleep(ms)
        await node.start()
      }),
  },

  'primary frozen': {
    draw: lasting(300, 4500),
    run: (world, { ms }) =>
      onPrimary(world, 'primary frozen', async (node) => {
        node.freeze()
        await sleep(ms)
        if (node.isFrozen) node.thaw()
      }),
  },

  'primary cut off': {
    draw: (draw) => ({ ms: draw.between(1000, 5000), isSilent: draw.chance(0.5), alone: draw.chance(0.3) }),
    run: (world, { ms, isSilent, alone }) =>
      onPrimary(world, `primary cut off${alone ? ', from clients too' : ''}`, async (node) => {
        world.cluster.cutOff(node, isSilent)
        if (alone) node.bridge.cut('clients', isSilent)
        await sleep(ms)
        for (const { bridge } of world.cluster.nodes) bridge.heal()
      }),
  },

  outage: { draw: lasting(1000, 3000), run: outage },

  'outage of a minute': { draw: () => ({ ms: 60_000 }), run: outage },

  'replies lost': {
    draw: (draw) => ({
      ms: draw.between(800, 2500),
      portion: draw.one([0.02, 0.1, 0.3]),
      seed: draw.between(1, 1e9),
    }),
    async run(world, { ms, portion, seed }) {
      await world.doing('replies lost', 'all servers', async () => {
        const draw = drawing(seed)
        for (const { bridge } of world.cluster.nodes) bridge.loseReplies(() => draw.chance(portion))
        await sleep(ms)
        for (const { bridge } of world.cluster.nodes) bridge.loseReplies(null)
      })
    },
  },

  'connections broken': {
    draw: () => ({}),
    run: (world) =>
      world.doing('connections broken', 'all servers', async () => {
        for (const { bridge } of world.cluster.nodes) bridge.hangUp()
      }),
  },

  'change streams killed': {
    draw: () => ({}),
    run: (world) =>
      onPrimary(world, 'change streams killed', (node) => killStreams(node.admin, world.database)),
  },

  'server slow': {
    draw: (draw) => ({ ms: draw.between(800, 2500), delayMs: draw.one([50, 200, 700]) }),
    run: (world, { ms, delayMs }) =>
      failing(
        world,
        'server slow',
        { failCommands: WRITES, blockConnection: true, blockTimeMS: delayMs },
        ms,
      ),
  },

  'commands refused': {
    draw: (draw) => ({
      ms: draw.between(300, 1200),
      code: draw.one([HOST_UNREACHABLE, NETWORK_TIMEOUT, TIME_LIMIT]),
    }),
    run: (world, { ms, code }) =>
      failing(
        world,
        'commands refused',
        { failCommands: WRITES, errorCode: code, errorLabels: ['RetryableWriteError'] },
        ms,
      ),
  },
}
