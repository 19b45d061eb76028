/**
 * Sentences with figures, made from the results, so that they hold after each new run. A sentence whose figures are missing is left out. Each has
 * at most 25 words, whatever the figures.
 */
import { IN_FLIGHT } from '../sections/enqueue.mjs'
import { quantile, ratios, spread } from '../statistics.mjs'
import { longRuns, memoryTable, withinEach } from './backlogs.mjs'
import { figure } from './charts.mjs'
import { GOALS, verdicts } from './goals.mjs'
import { allowed, inUse, processorsOf, spent } from './processors.mjs'
import { find, measuredIn, pooled } from './series.mjs'

const MANY_AT_ONCE = [16, 100]

/** The text that `write` makes of the figures; nothing if one is missing. */
const given = (figures, write) =>
  Object.values(figures).every((value) => value !== null && value !== undefined) ? write(figures) : ''

/** Joins the sentences that there are. */
const text = (...sentences) => sentences.filter(Boolean).join(' ')

const middle = (values) => (values ? spread(values).median : null)
const percent = (part, all) => `${Math.round((100 * part) / all)} %`
const micros = (value) => `${figure(value)} µs`
const ms = (value) => `${figure(value)} ms`

/** `a, b and c`; nothing if there is none. */
export function listed(items) {
  const known = items.filter(Boolean)
  return known.length < 2 ? (known[0] ?? '') : `${known.slice(0, -1).join(', ')} and ${known.at(-1)}`
}

/** `in every round`, `in 2 of 5 rounds`, `in no round`. */
export function inRounds(values, isSo) {
  const count = values.filter(isSo).length
  if (count === 0) return 'in no round'
  return count === values.length ? 'in every round' : `in ${count} of ${values.length} rounds`
}

/** The comparison of two series of a concurrency, with its concurrency, for each of which there are both; nothing if there is none. */
const atEach = (concurrencies, pair, shown) =>
  listed(
    concurrencies.map((concurrency) => {
      const [of, to] = pair(concurrency)
      return of && to ? `${shown(ratios(of, to))} at concurrency ${concurrency}` : ''
    }),
  )

const inTheMiddle = (values) => figure(middle(values))

export function goals(sections) {
  const all = verdicts(sections)
  const missed = all.filter((isMet) => !isMet).length
  if (all.length === 0) return ''
  if (missed === 0) return `durabl meets each of the ${all.length} goals that it was measured against.`
  return `durabl misses ${missed} of the ${all.length} goals that it was measured against.`
}

export function pickUp({ latency }) {
  const local = find(latency, { id: 'durabl-local' })
  if (!local) return ''
  const medianOf = (field) => ms(quantile(pooled(local, field), 0.5))
  return text(
    `Pick-up in the same process counts from the acknowledgement of the job: the median is ${medianOf('afterAcknowledgement')}.`,
    `From the call on, with the insert, it is ${medianOf('samples')} ([Pick-up](#pick-up)).`,
  )
}

/** The engine alone and the bare loop, beside BullMQ and beside each other. */
export function yardsticks({ throughput }) {
  const rate = (id, rest) => measuredIn(find(throughput, { id, ...rest }), 'rate')
  const besideBullmq = (of) =>
    atEach(MANY_AT_ONCE, (concurrency) => [of(concurrency), rate('bullmq', { concurrency })], inTheMiddle)
  const loop = rate('mongodb-1000')
  const engine = besideBullmq((concurrency) => rate('engine', { concurrency }))
  const bare = besideBullmq(() => loop)
  const apart = atEach([16], (concurrency) => [rate('engine', { concurrency }), loop], inTheMiddle)
  return text(
    engine && `The rate of durabl's engine without JavaScript, against that of BullMQ, is ${engine}.`,
    bare && `That of the bare loop in batches of 1,000, against the same, is ${bare}.`,
    apart && `That of the engine, against that of the loop, is ${apart}.`,
  )
}

/** The gain of the tuned server. */
export function tuned({ throughput }) {
  const rate = (id, concurrency) => measuredIn(find(throughput, { id, concurrency }), 'rate')
  const pair = (concurrency) => [rate('durabl-tuned', concurrency), rate('durabl', concurrency)]
  const gain = atEach(MANY_AT_ONCE, pair, inTheMiddle)
  return gain && `The rate of durabl with the parameter, against that without, is ${gain}.`
}

/** The rates that the present costs leave room for, if no step waited for another. */
export function ifBusy({ throughput }) {
  if (!throughput) return ''
  const processors = processorsOf(throughput)
  const pair = (of) => (concurrency) => [
    allowed(find(throughput, { id: of, concurrency }), processors),
    measuredIn(find(throughput, { id: 'bullmq', concurrency }), 'rate'),
  ]
  const durabl = atEach(MANY_AT_ONCE, pair('durabl'), inTheMiddle)
  if (!durabl) return ''
  const goal = atEach(MANY_AT_ONCE, pair('durabl'), (values) =>
    inRounds(values, (value) => value >= GOALS.backlog),
  )
  const engine = atEach(MANY_AT_ONCE, pair('engine'), inTheMiddle)
  return text(
    'Suppose all processors were busy all the time, at the present cost of a job.',
    `The rate of durabl, against the measured one of BullMQ, would be ${durabl}.`,
    `It would reach the goal of ${GOALS.backlog} ${goal}.`,
    engine && `The rate of the engine without JavaScript would be ${engine}.`,
  )
}

/** The processor time of a job, by the side that spends it. */
export function costs({ throughput }) {
  const at = (concurrency) => {
    const durabl = find(throughput, { id: 'durabl', concurrency })
    const engine = find(throughput, { id: 'engine', concurrency })
    const figures = { all: middle(spent(durabl)), server: middle(measuredIn(durabl, 'serverCpu')) }
    const worker = middle(measuredIn(durabl, 'cpu'))
    return given({ ...figures, worker }, ({ all, server }) => {
      const bare = middle(measuredIn(engine, 'cpu'))
      return text(
        `At concurrency ${concurrency} a job takes ${micros(all)} of processor time: ${micros(server)} (${percent(server, all)}) of the server and ${micros(worker)} of the worker.`,
        bare !== null && `The worker without JavaScript takes ${micros(bare)}.`,
        bare !== null &&
          bare < worker &&
          `So about ${micros(worker - bare)} (${percent(worker - bare, all)}) go to Node.js, and to the way there and back.`,
      )
    })
  }
  return text(...MANY_AT_ONCE.map(at))
}

const CHANGES = ['making them active', 'completing them']

/** The part of the two changes in the server's work for a job. */
export function changes({ profile }) {
  const spentOn = (names) => names.reduce((sum, name) => sum + (profile.steps[name]?.ms ?? 0), 0)
  const all = profile ? spentOn(Object.keys(profile.steps)) : 0
  if (all === 0) return ''
  return `The two changes, making jobs active and completing them, are ${percent(spentOn(CHANGES), all)} of it.`
}

/** The price of random ids. */
export function ids({ variants }) {
  const [inOrder, random] = ['ended', 'ended-random'].map((id) => find(variants, { id }))
  const compare = (field) => {
    const [of, to] = [random, inOrder].map((contestant) => measuredIn(contestant, field))
    return of && to ? ratios(of, to) : null
  }
  return given({ adding: compare('addServerCpu'), running: compare('serverCpu') }, ({ adding, running }) => {
    const more = (values) => `more ${inRounds(values, (value) => value > 1)}`
    return text(
      `With random ids (version 4), ${inOrder.name}, adding a job cost the server ${inTheMiddle(adding)} times as much (${more(adding)}).`,
      `Claiming and completing it cost ${inTheMiddle(running)} times as much (${more(running)}).`,
    )
  })
}

/** The time that a single call has, if its rate is to reach the goal. */
export function calls({ enqueue, latency }) {
  const single = (id) => find(enqueue, { id, kind: 'single' })
  const rate = (id) => middle(measuredIn(single(id), 'rate'))
  const timeAt = (perSecond) => (IN_FLIGHT * 1_000) / perSecond
  const measured = given({ own: rate('durabl') }, ({ own }) => {
    const busy = middle(inUse(single('durabl')))
    return text(
      `With ${IN_FLIGHT} calls under way at once, the rate is ${IN_FLIGHT} divided by the time that a call takes.`,
      `At ${figure(own)} jobs/s a call takes ${ms(timeAt(own))} on average, from JavaScript to the acknowledgement and back.`,
      busy !== null && `Meanwhile ${busy.toFixed(1)} of ${processorsOf(enqueue)} processors are busy.`,
    )
  })
  if (!measured) return ''
  const wanted = given({ bullmq: rate('bullmq') }, ({ bullmq }) => timeAt(GOALS.enqueue * bullmq))
  const inserts = find(latency, { id: 'driver' })
  const needed = wanted && `At the rate of BullMQ, which waits for no disk, a call takes ${ms(wanted)}.`
  if (!needed || !inserts) return text(measured, needed)
  const insert = quantile(pooled(inserts, 'inserts'), 0.5)
  return text(
    measured,
    needed,
    `An idle server acknowledges a single insert in ${ms(insert)} (the median of “the insert alone” below, by the bare driver).`,
    wanted < insert
      ? 'To keep up, a call would have to be quicker than an insert with nothing beside it.'
      : 'To keep up, a call may take longer than an insert with nothing beside it.',
  )
}

const WAYS = { durabl: 'durabl', 'durabl-tuned': 'tuned server', mongodb: 'bare loop' }

/** A figure of each of the ways to empty a large backlog. */
const byWay = (series) =>
  listed(
    Object.entries(WAYS).map(([id, way]) =>
      given({ it: series(id) }, ({ it }) => `${inTheMiddle(it)} (${way})`),
    ),
  )

/** The rate of a large backlog beside that of a small one, and of its end beside its beginning. */
export function large({ whole }) {
  const rates = (id, size) => measuredIn(find(whole, { id, size }), 'rate')
  const besideSmall = byWay((id) => {
    const [many, few] = [rates(id, 'many'), rates(id, 'few')]
    return many && few ? ratios(many, few) : null
  })
  const besideStart = byWay((id) => withinEach(whole, id))
  const loop = withinEach(whole, 'mongodb')
  const [worse, worseTuned] = ['durabl', 'durabl-tuned'].map((id) =>
    given({ own: withinEach(whole, id), loop }, ({ own }) =>
      inRounds(ratios(own, loop), (value) => value < 1),
    ),
  )
  return text(
    besideSmall && `The rate on the large backlog, against that on the small one, is ${besideSmall}.`,
    besideStart &&
      'The small one has a new process each time, whose start is a larger part of it. So compare a process of the large one with itself.',
    besideStart && `The rate of its last tenth, against that of its first, is ${besideStart}.`,
    loop && "The loop has no code of durabl's, so the server causes what the loop loses.",
    worse && `At the end durabl keeps less of its first rate than the loop ${worse}.`,
    worseTuned && `durabl on the tuned server does so ${worseTuned}.`,
  )
}

/** Memory over the long run. */
export function memory(sections) {
  if (longRuns(sections).length === 0) return ''
  return `The memory of the worker in the long run of the first round:\n\n${memoryTable(sections)}`
}

/** From this share of the processors on, little is left for more workers. */
const FULL = 0.85

/** Four workers beside one. */
export function workers({ scale }) {
  if (!scale) return ''
  const [one, four] = [1, 4].map((count) => find({ contestants: scale.workers }, { id: `workers-${count}` }))
  const processors = processorsOf(scale)
  const busy = given({ alone: middle(inUse(one)), together: middle(inUse(four)) }, ({ alone, together }) =>
    text(
      `One worker and its server keep ${alone.toFixed(1)} of ${processors} processors busy, four workers ${together.toFixed(1)}.`,
      together >= FULL * processors && 'So this machine has little left for more of them.',
    ),
  )
  const cost = (field) => [four, one].map((contestant) => middle(measuredIn(contestant, field)))
  const costing = (field, write) => {
    const [together, alone] = cost(field)
    return given({ together, alone }, () => write(micros(together), micros(alone)))
  }
  const ofWorkers = costing(
    'cpu',
    (together, alone) => `A job costs the four workers together ${together} where it costs the one ${alone}.`,
  )
  const ofServer = costing(
    'serverCpu',
    (together, alone) => `It costs the server ${together} beside the four, and ${alone} beside the one.`,
  )
  const { attempts } = scale
  return text(
    busy,
    ofWorkers,
    ofServer,
    attempts &&
      `The four tried ${figure(attempts.tried)} times to take one of ${figure(attempts.jobs)} jobs, in ${figure(attempts.commands)} commands, by the server's own profiler (one run).`,
  )
}

/** The rows that are as durable as each other, if there are such rows. */
export function durability({ throughput }) {
  const isThere = ['durabl-quick', 'bullmq-durable'].some((id) => find(throughput, { id }))
  return isThere
    ? '_Acknowledged before it is on disk_ is as durable as Redis usually is, and _once it is on disk_ as MongoDB.'
    : ''
}
