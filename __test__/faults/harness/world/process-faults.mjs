/** Faults of workers and producers. See `faults.mjs`. */
import { pollUntil } from '../../../support/wait.mjs'
import { lasting, pick, share } from './drawn.mjs'
import { stopped } from './stopped.mjs'
import { LEASE_MS } from './world.mjs'
import { letPass } from '../../../support/time.mjs'

const SKEW_SECONDS = 600
/** The time until a process has its hands full, so that a fault hits it in the middle of something. */
const BUSY_MS = 2000
/** Handlers that run at once in a worker, then; a producer runs one now and then. */
const BUSY = { worker: 3, producer: 1 }

/** Does it to one of those that are there now. */
function onProcess(world, fault, among, drawn, body) {
  const process = pick(among, drawn.share)
  return process && world.doing(fault, process.name, () => body(process))
}

/** 1 if it was alive to be killed. */
async function kill(process) {
  process.isDoomed = true
  await busy(process)
  process.fate = 'killed'
  await process.kill()
  return process.end.signal === 'SIGKILL' ? 1 : 0
}

/** The number of handlers that are running there, as far as it has told. */
const running = (process) => process.all('started').length - process.all('ended').length

/** Waits until it has its hands full, or does not get to it. */
async function busy(process) {
  const isBusy = () => process.endedAt !== undefined || running(process) >= BUSY[process.role]
  await pollUntil('it is busy', isBusy, { everyMs: 2, patienceMs: BUSY_MS }).catch(() => {})
}

/** The difference between its own clock and this process's, in milliseconds. */
const offsetOf = async (process) => (await process.call('worker', 'now')) - Date.now()

async function setClock(process, seconds) {
  if (!process.clock) return 0
  // One that is off already is set right again: so each time it jumps.
  const target = process.clock.secondsOff === seconds ? 0 : seconds
  const before = await offsetOf(process)
  process.clock.set(target)
  process.clock.secondsOff = target
  const jumped = Math.abs((await offsetOf(process)) - before)
  return jumped > (SKEW_SECONDS * 1000) / 2 ? 1 : 0
}

function freeze(world, fault, among, drawn) {
  const moving = among.filter(({ isFrozen }) => !isFrozen)
  return onProcess(world, fault, moving, drawn, async (process) => {
    process.isFrozen = true
    await busy(process)
    process.signal('SIGSTOP')
    const effect = await stopped(process.pid)
    await letPass(drawn.ms, 'the process stays frozen')
    process.signal('SIGCONT')
    process.isFrozen = false
    return effect
  })
}

export const PROCESS_FAULTS = {
  'worker killed': {
    draw: share,
    run: (world, drawn) =>
      onProcess(world, 'worker killed', world.workers, drawn, async (worker) => {
        const killed = await kill(worker)
        await world.startWorker()
        return killed
      }),
  },

  'producer killed': {
    draw: share,
    run: (world, drawn) =>
      onProcess(world, 'producer killed', world.producers, drawn, async (producer) => {
        const killed = await kill(producer)
        world.production.begin(await world.startProducer())
        return killed
      }),
  },

  'worker frozen': {
    draw: lasting(LEASE_MS * 1.3, LEASE_MS * 2),
    run: (world, drawn) => freeze(world, 'worker frozen', world.workers, drawn),
  },

  'producer frozen': {
    draw: lasting(LEASE_MS * 1.3, LEASE_MS * 2),
    run: (world, drawn) => freeze(world, 'producer frozen', world.producers, drawn),
  },

  'worker replaced': {
    draw: share,
    run: (world, drawn) =>
      onProcess(world, 'worker replaced', world.workers, drawn, async (worker) => {
        worker.fate = 'asked to end'
        await world.startWorker()
        world.askToEnd(worker)
        const { code } = await worker.exited
        return code === 0 ? 1 : 0
      }),
  },

  'clock set wrong': {
    draw: (draw) => ({ share: draw.random(), seconds: draw.one([-SKEW_SECONDS, SKEW_SECONDS]) }),
    run: (world, drawn) =>
      onProcess(world, 'clock set wrong', world.living, drawn, (process) =>
        // It may be killed meanwhile.
        setClock(process, drawn.seconds).catch(() => 0),
      ),
  },
}
