/** What the figures say, in sentences: each says no more than they do, and something else where they turn out otherwise. */
import { BATCH } from '../sections/whole.mjs'
import { IN_FLIGHT } from '../sections/enqueue.mjs'
import { quantile, spread } from '../statistics.mjs'
import { figure } from './charts.mjs'
import { GOALS } from './goals.mjs'
import { allowed, inUse, processorsOf, shares } from './processors.mjs'
import { compared, each, find, inRange, pooled, spreadOf, tendency } from './series.mjs'

const CONCURRENCIES = [16, 100]
const percent = (share) => `${Math.round(share * 100)} %`

/** `… at concurrency 16 and … at 100`; null if one is missing. */
function atBoth(make) {
  const [few, many] = CONCURRENCIES.map(make)
  return few && many
    ? `${inRange(few)} at concurrency ${CONCURRENCIES[0]} and ${inRange(many)} at ${CONCURRENCIES[1]}`
    : null
}

/** How far two others get on the same server. Neither is a ceiling. */
function yardsticks(throughput) {
  const rate = (wanted) => each(find(throughput, wanted), 'rate')
  const bullmq = (concurrency) => rate({ id: 'bullmq', concurrency })
  const engine = (concurrency) => rate({ id: 'engine', concurrency })
  const bare = rate({ id: `mongodb-${BATCH}` })
  const byEngine = atBoth((concurrency) => compared(engine(concurrency), bullmq(concurrency)))
  const byLoop = atBoth((concurrency) => compared(bare, bullmq(concurrency)))
  if (!byEngine || !byLoop) return ''
  const faster = compared(engine(CONCURRENCIES[0]), bare)
  const order =
    faster.median > 1
      ? `the engine makes ${inRange(faster)} times the rate of the loop at concurrency ${CONCURRENCIES[0]}, so the loop is not the most that this server can do`
      : `the loop is the quicker one, but other batches, or more of them at a time, may be quicker still`
  return (
    `There are two yardsticks on the same server. Against BullMQ, durabl's engine without JavaScript makes ${byEngine}; ` +
    `the bare loop in batches of ${figure(BATCH)} makes ${byLoop}. Neither is a ceiling: ${order}.`
  )
}

/** What the processors leave room for, and whether that would do for the goal. */
function room(throughput) {
  const processors = processorsOf(throughput)
  const goal = GOALS.backlog
  const against = (id, concurrency) =>
    compared(
      allowed(find(throughput, { id, concurrency }), processors),
      each(find(throughput, { id: 'bullmq', concurrency }), 'rate'),
    )
  const conclusion = ({ median, max }) => {
    if (max < goal) return 'in every round that is too little, however short the waits'
    return median < goal ? 'in most rounds that is too little' : 'what is missing to it is waiting'
  }
  const sentences = CONCURRENCIES.flatMap((concurrency) => {
    const [durabl, engine] = ['durabl', 'engine'].map((id) => against(id, concurrency))
    if (!durabl || !engine) return []
    return [
      `At concurrency ${concurrency} that would make durabl ${inRange(durabl)} times as fast as BullMQ. The goal is ${goal}: ` +
        `${conclusion(durabl)}. The engine without JavaScript would be ${inRange(engine)} times as fast.`,
    ]
  })
  if (sentences.length === 0) return ''
  return (
    `Suppose that the ${processors} processors were busy all the time, at what a job costs worker and server now ` +
    `(the last column, beside what BullMQ really made, round by round). ${sentences.join(' ')}`
  )
}

/** Who spends it. */
function whose(throughput) {
  const clauses = CONCURRENCIES.flatMap((concurrency) => {
    const [durabl, engine] = ['durabl', 'engine'].map((id) => find(throughput, { id, concurrency }))
    const of = shares(durabl, engine)
    if (!of) return []
    return [
      `of ${figure(of.total)} µs at concurrency ${concurrency}, the server takes ${figure(of.server)} (${percent(of.server / of.total)}) ` +
        `and the worker ${figure(of.worker)}, where the engine without JavaScript takes ${figure(of.engine)}: so about ` +
        `${figure(of.node)} µs (${percent(of.node / of.total)}) are Node.js, with the way to it and back`,
    ]
  })
  return clauses.length > 0 ? `Whose time it is, by the medians: ${clauses.join('; ')}.` : ''
}

/** What stands in the way of the goals for a backlog. */
export function backlogFindings({ throughput }) {
  if (!throughput) return ''
  return [yardsticks, room, whose]
    .map((finding) => finding(throughput))
    .filter(Boolean)
    .join('\n\n')
}

const CHANGES = ['making them active', 'completing them']

/** How much of the server's time goes into the two changes of a job. */
export function stepsFinding({ profile }) {
  if (!profile) return ''
  const ms = (names) => names.reduce((sum, name) => sum + (profile.steps[name]?.ms ?? 0), 0)
  return `The two changes, ${CHANGES.join(' and ')}, are ${percent(ms(CHANGES) / ms(Object.keys(profile.steps)))} of it.`
}

/** What ids in the order of time are worth. */
export function idsFinding({ variants }) {
  const [ordered, random] = ['ended', 'ended-random'].map((id) => find(variants, { id }))
  const adding = compared(each(random, 'addServerCpu'), each(ordered, 'addServerCpu'))
  const emptying = compared(each(random, 'serverCpu'), each(ordered, 'serverCpu'))
  // Of few jobs the server's time may be none at all, by the clock that counts it.
  if (![adding, emptying].every((ratio) => ratio && Object.values(ratio).every(Number.isFinite))) return ''
  const words = {
    more: 'more in every round',
    less: 'less in every round',
    unclear: 'not the same way in every round',
  }
  return (
    `durabl's ids grow with time (UUIDs of version 7). With random ones (version 4), ${ordered.name}, ` +
    `adding a job cost the server ${inRange(adding)} times as much (${words[tendency(adding)]}), ` +
    `and claiming and completing it ${inRange(emptying)} times (${words[tendency(emptying)]}).`
  )
}

/**
 * What bounds single calls: so many are under way, so what counts is how long each of them takes. An idle server's acknowledgement of
 * one insert is only an estimate of the least, as it comes from another measurement.
 */
export function enqueueFinding({ latency, enqueue }) {
  const single = (id) => find(enqueue, { id, kind: 'single' })
  const [durabl, bullmq] = ['durabl', 'bullmq'].map((id) => spreadOf(single(id), 'rate')?.median)
  if (!durabl || !bullmq) return ''
  const call = (rate) => (IN_FLIGHT / rate) * 1000
  const ms = (value) => `${figure(value)} ms`
  const needed = call(GOALS.enqueue * bullmq)
  const busy = inUse(single('durabl'))
  const begin =
    `With ${IN_FLIGHT} calls under way at once, the rate is ${IN_FLIGHT} divided by the time that a call takes: at ${figure(durabl)} jobs/s that is ` +
    `${ms(call(durabl))} on average, from JavaScript to the acknowledgement and back` +
    (busy
      ? `, while ${spread(busy).median.toFixed(1)} of ${processorsOf(enqueue)} processors are busy`
      : '') +
    `. For ${GOALS.enqueue} times the rate of BullMQ, which waits for no disk, a call must be through in ${ms(needed)}.`
  const driver = find(latency, { id: 'driver' })
  if (!driver) return begin
  const insert = quantile(pooled(driver, 'inserts'), 0.5)
  const compare =
    insert > needed
      ? 'so such a call would have to be quicker than an insert with nobody beside it'
      : 'which is less than that, so it rules nothing out'
  return (
    `${begin} Here an idle server acknowledges a single insert in ${ms(insert)} (the median of “the insert alone” below, by the bare driver; ` +
    `another measurement, so an estimate), ${compare}.`
  )
}

/** From where the goals for a pick-up in the same process count, and what it is from the call on. */
export function localFinding({ latency }) {
  const local = find(latency, { id: 'durabl-local' })
  if (!local) return ''
  const [called, acknowledged] = ['samples', 'afterAcknowledgement'].map((field) =>
    quantile(pooled(local, field), 0.5),
  )
  return (
    `Pick-up in the same process counts from the acknowledgement of the job on, in both of its rows: ${figure(acknowledged)} ms. ` +
    `From the call on, the insert included, the median is ${figure(called)} ms ([Pick-up](#pick-up)).`
  )
}
