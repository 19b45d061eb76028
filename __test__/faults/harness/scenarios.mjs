/** Scenarios: which faults a run has, how often, and how the world is made that they are done to. */
import { drawing } from '../../support/random.mjs'
import { canBeWrong } from '../../support/workers/wrong-clock.mjs'
import { FAULTS } from './world/faults.mjs'

const KB = 1024

/** Every worker holds several jobs at any moment, and each is held for long enough for something to happen to it meanwhile. */
const LENGTHY = { leastMs: 300, workMs: 1200, everyMs: 30 }

/**
 * @typedef {object} Scenario
 * @property {string[]} faults names in `FAULTS`
 * @property {number} everyMs from one time to the next, on average; the next does not wait for the end of the one before
 * @property {number} [atOnce] how many faults happen each time, no two of one name; one by default
 * @property {number} [apartMs] how long each of those, as they are listed, comes after the one before; together by default
 * @property {boolean} [isMixed] its faults are of so many kinds that one may leave another nothing to do
 * @property {boolean} [sparesServers] nothing is done to the servers, so others may use them meanwhile
 * @property {boolean} [isLong] it takes too long to be run briefly
 * @property {string[]} [shows] figures of the history that are above 0, or the scenario has shown nothing
 * @property {number} [leastMs] how long it takes at least, whatever is asked for
 * @property {number} [workers] how many there are, and how many `producers`
 * @property {object} [operator] what is asked of all processes meanwhile: see `Operator`
 * @property {object} [world] options of the world
 * @property {object} [load] of each producer
 */

/** Long enough to be cancelled meanwhile, and few enough that those of a paused type are soon made up for. */
const STEERED = { leastMs: 100, workMs: 600, everyMs: 50 }

/** From the start of a pause until all processes know, and as long again; jobs are removed a second after their end. */
export const OPERATOR = { pauses: [{ type: 'plain', at: 200, ms: 7000 }], retentionMs: 1000 }

/** The number of schedules; FAULT_SCHEDULES asks for more. */
const SCHEDULE_COUNT = Number(process.env.FAULT_SCHEDULES ?? 8)

/** Every second or every other one; some by a pattern, and one in four may leave out what it has missed. */
const SCHEDULES = Array.from({ length: SCHEDULE_COUNT }, (_, n) => {
  const times = n % 2 === 0 ? { everyMs: 1000 } : { cron: '*/2 * * * * *' }
  const missed = n % 4 === 3 ? 'once' : 'all'
  return {
    id: `schedule-${n}`,
    spec: { ...times, missed, overlap: 'allow' },
    stepMs: n % 2 === 0 ? 1000 : 2000,
  }
})

/** Jobs are removed as soon as they have ended, or soon after: none may come again by that. */
const SCHEDULING = { schedules: SCHEDULES, retentionMs: 300 }

/** Figures that show that the changes of operators were made. */
const OPERATED = ['cancelled', 'cancelledRuns', 'restarted', 'removed', 'retained']

/** Calls are so far apart that a processor is idle at most of them. */
const HANDED_OFF = { leastMs: 50, workMs: 250, everyMs: 60 }

/** @type {Record<string, Scenario>} */
export const SCENARIOS = {
  'nothing goes wrong': { faults: [], everyMs: 0, sparesServers: true, load: { backlog: 60 } },
  'processes are killed': {
    ...{ faults: ['worker killed', 'producer killed'], everyMs: 900, atOnce: 2, sparesServers: true },
    ...{ shows: ['runsThatDied'], load: LENGTHY },
  },
  'processes freeze for longer than their leases': {
    ...{ faults: ['worker frozen', 'producer frozen'], everyMs: 1500, atOnce: 2, sparesServers: true },
    ...{ shows: ['recovered'], load: LENGTHY },
  },
  'deploys roll': { faults: ['worker replaced'], everyMs: 1000, sparesServers: true },
  'clocks are ten minutes wrong': {
    ...{ faults: ['clock set wrong', 'clock set wrong', 'worker killed'], everyMs: 400, sparesServers: true },
    world: { wrongClocks: canBeWrong },
  },
  'memory is short': {
    ...{ faults: ['worker killed', 'worker replaced'], everyMs: 1500, sparesServers: true },
    ...{ world: { heapMB: 26 }, load: { blobBytes: 600 * KB, everyMs: 40, mostOpen: 16 } },
    shows: ['heapsNearlyFull'],
  },
  'writes come late': {
    // Some of what the worker had sent before it froze arrives when its leases are over.
    ...{
      faults: ['writes late', 'worker frozen'],
      everyMs: 1000,
      atOnce: 2,
      apartMs: 600,
      sparesServers: true,
    },
    ...{ shows: ['recovered'], load: LENGTHY },
  },
  'operators steer while processes die': {
    ...{ faults: ['worker killed', 'producer killed', 'worker frozen'], everyMs: 1500, atOnce: 2 },
    ...{ sparesServers: true, leastMs: 8500, operator: OPERATOR, load: STEERED },
    shows: [...OPERATED, 'runsThatDied'],
  },
  'operators steer while replies are lost and primaries step down': {
    ...{
      faults: ['replies lost', 'connections broken', 'step-down'],
      everyMs: 2500,
      atOnce: 2,
      apartMs: 400,
    },
    ...{ leastMs: 8500, operator: OPERATOR, load: STEERED, shows: OPERATED },
  },
  'schedules come while processes die, clocks are wrong and replies are lost': {
    ...{ faults: ['worker killed', 'worker replaced', 'clock set wrong', 'replies lost'], everyMs: 900 },
    ...{ atOnce: 2, workers: 5, producers: 0, leastMs: 8000, operator: SCHEDULING },
    ...{ world: { wrongClocks: canBeWrong }, shows: ['occurrences'] },
  },
  'schedules come while primaries step down': {
    ...{ faults: ['step-down', 'worker killed', 'connections broken'], everyMs: 1800, atOnce: 2 },
    ...{ workers: 5, producers: 0, leastMs: 8000, operator: SCHEDULING, shows: ['occurrences'] },
  },
  'jobs are handed off while processes die and replies are lost': {
    ...{ faults: ['producer killed', 'producer frozen', 'replies lost'], everyMs: 900, atOnce: 2 },
    ...{ load: HANDED_OFF, world: { producersWork: true }, shows: ['handedOff'] },
  },
  'primaries step down': { faults: ['step-down'], everyMs: 2500 },
  'primaries are killed': { faults: ['primary killed'], everyMs: 3500 },
  'primaries freeze': { faults: ['primary frozen'], everyMs: 4000 },
  'primaries are cut off': { faults: ['primary cut off'], everyMs: 4000 },
  'all servers go down': { faults: ['outage'], everyMs: 5000 },
  'all servers are down for a minute': { faults: ['outage of a minute'], everyMs: 60_000, isLong: true },
  'replies are lost': { faults: ['replies lost', 'connections broken'], everyMs: 800, atOnce: 2 },
  'change streams are killed': {
    ...{ faults: ['change streams killed', 'connections broken'], everyMs: 600 },
  },
  'servers are slow and refuse': { faults: ['server slow', 'commands refused'], everyMs: 1500, atOnce: 2 },
  'several at once': {
    faults: Object.keys(FAULTS).filter((name) => !name.startsWith('outage')),
    ...{ everyMs: 1000, atOnce: 4, isMixed: true, world: { wrongClocks: canBeWrong } },
  },
}

/** So many of these that are drawn, as they are listed. */
function some(draw, names, count) {
  const left = [...names]
  while (left.length > count) left.splice(left.indexOf(draw.one(left)), 1)
  return left
}

/** The faults of a run of this scenario: what, when, and how, as plain data. Equal seeds, equal schedules. */
export function scheduleOf({ faults, everyMs, atOnce = 1, apartMs = 0 }, seed, ms) {
  const draw = drawing(seed)
  const schedule = []
  if (faults.length === 0) return schedule
  const add = (at) => {
    // One by itself may be listed twice, to come twice as often.
    const names = atOnce === 1 ? [draw.one(faults)] : some(draw, faults, atOnce)
    for (const [n, name] of names.entries())
      schedule.push({ at: at + n * apartMs, name, args: FAULTS[name].draw(draw) })
  }
  // Something has to be under way first, and time must be left to see what came of it.
  for (let at = 300 + draw.random() * everyMs; at < ms - 300; at += everyMs * (0.5 + draw.random()))
    add(Math.round(at))
  // A run that is too short for one would show nothing.
  if (schedule.length === 0) add(300)
  return schedule
}

/**
 * The seed that FAULT_SEED names.
 *
 * @param otherwise where it names none
 */
export function seedOf({ FAULT_SEED: text = '' }, otherwise) {
  if (text === '') return otherwise
  const seed = Number(text)
  if (Number.isSafeInteger(seed) && seed >= 0) return seed
  throw new RangeError(`FAULT_SEED takes a whole number that is not negative, not "${text}".`)
}
