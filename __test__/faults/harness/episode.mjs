/** One run: a scenario and a seed, from an empty collection to a checked history. */
import { clockmaker } from '../../support/workers/wrong-clock.mjs'
import { atEnd } from '../../support/cleanup.mjs'
import { check } from './check.mjs'
import { readChanges } from './history/changes.mjs'
import { Production } from './production.mjs'
import { SCENARIOS, scheduleOf } from './scenarios.mjs'
import { FAULTS } from './world/faults.mjs'
import { Operator } from './world/operator.mjs'
import { LEASE_MS, World, writeHistory } from './world/world.mjs'
import { letPass } from '../../support/time.mjs'

const WORKERS = 3
const PRODUCERS = 2
/**
 * The longest time without progress, from the last fault, or from when fewer jobs were open than ever before. It is several leases, retries and
 * elections.
 */
const DRAIN_MS = 45_000

const DRAIN_EVERY_MS = 50

let episodes = 0

async function inflict(world, schedule) {
  const start = performance.now()
  const doings = schedule.map(async ({ at, name, args }) => {
    await letPass(Math.max(0, at - (performance.now() - start)), 'the moment of the fault')
    await FAULTS[name].run(world, args)
  })
  await Promise.all(doings)
}

/** Waits until no job is open; gives up when for a while none more has ended, and the checker tells what is open. */
async function drain(world, patienceMs) {
  const jobs = world.db.collection('jobs')
  let least = Infinity
  let end = performance.now() + patienceMs
  while (least > 0 && performance.now() < end) {
    const open = await jobs.countDocuments({ status: { $in: ['pending', 'active'] } }).catch(() => Infinity)
    if (open < least) {
      least = open
      end = performance.now() + patienceMs
    }
    await letPass(DRAIN_EVERY_MS, 'jobs end')
  }
}

/**
 * @param t the test's context, or what stands for it
 * @param cluster that it is done to; healed before the end
 * @param options.scenario a name in `SCENARIOS`
 * @param options.seed tells the faults and the calls
 * @param options.ms how long calls are made and faults happen
 * @param options.load of each producer, instead of the scenario's
 * @param options.operator what is asked of all processes, where the scenario says nothing of that
 * @param options.plant given the world once it works: does what a bug would do, until it is told to `uproot()`
 * @param options.drainMs how long it may take after that until the next job has ended
 * @param options.path where the history is written, if it is to be kept
 * @returns what `check` found, and the schedule
 */
export async function runEpisode(
  t,
  cluster,
  { scenario, seed, ms: wanted, load, operator: orders, plant, drainMs = DRAIN_MS, path = null },
) {
  const { world: { wrongClocks = false, ...made } = {}, load: usual, ...chosen } = SCENARIOS[scenario]
  const {
    sparesServers = false,
    shows = [],
    atOnce = 1,
    isMixed = false,
    leastMs = 0,
    operator = orders,
  } = chosen
  const { workers: workerCount = WORKERS, producers: producerCount = PRODUCERS } = chosen
  const ms = Math.max(wanted, leastMs)
  const begun = performance.now()
  const schedule = scheduleOf(chosen, seed, ms)
  const clocks = wrongClocks ? clockmaker() : null
  if (clocks) atEnd(t, () => clocks.remove())
  episodes += 1
  const world = await World.begin(t, cluster, {
    ...made,
    clocks,
    database: `faults_${process.pid}_${episodes}`,
  })
  const start = (count, one) => Promise.all(Array.from({ length: count }, one))
  const [producers] = await Promise.all([
    start(producerCount, () => world.startProducer()),
    start(workerCount, () => world.startWorker()),
  ])
  const planted = plant?.(world)
  await planted?.ready
  world.production = new Production(world, { seed, ms, load: load ?? usual })
  for (const producer of producers) world.production.begin(producer)
  const operating = operator && new Operator(world, operator)
  await inflict(world, schedule)
  // Where nothing was done to the servers, others may be doing it.
  if (!sparesServers) await cluster.heal()
  await world.production.over()
  await operating?.over()
  await drain(world, drainMs)
  await planted?.uproot()
  await world.end()
  const settings = {
    by: 'harness',
    kind: 'settings',
    at: 0,
    scenario,
    seed,
    ms,
    visibilityTimeoutMs: LEASE_MS,
    orderedTypes: ['ordered'],
    schedule,
    shows,
    atOnce,
    isMixed,
    ...(operator?.retentionMs !== undefined && { retentionMs: operator.retentionMs }),
  }
  const lines = [settings, ...world.told(), ...(await readChanges(world.db.collection('jobs'), world.since))]
  if (path) await writeHistory(path, lines)
  await world.db.dropDatabase()
  return {
    scenario,
    seed,
    ms,
    took: performance.now() - begun,
    schedule,
    faults: world.faults,
    planted,
    ...check(lines),
  }
}
