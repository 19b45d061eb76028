/** Random scripts of operations on a backend: plain data, drawn from a seed, so that one number tells a whole run. */

import { numbers } from '../../../../support/random.mjs'

const TYPES = ['one', 'two']
const KEYS = ['red', 'green', null]
const SCOPES = ['pending', 'pending', 'pending+active']
/** The token of a settlement: mostly the right one, or no job would ever end. */
const TOKENS = ['own', 'own', 'own', 'none', 'stale', 'other', 'invented', 'empty']

/** The possible next events, and their frequencies. The job is chosen when the event is done: `pick` is a share of those there are. */
const STEPS = {
  enqueue: [6, (draw) => newJob(draw)],
  claimOrEnqueue: [4, (draw) => newJob(draw)],
  claimNext: [8, ({ one }) => ({ type: one(TYPES) })],
  claimNextByKey: [3, ({ one }) => ({ type: one(TYPES), key: one(['red', 'green']) })],
  complete: [4, (draw) => onJob(draw)],
  fail: [4, (draw) => onJob(draw)],
  failFatal: [1, (draw) => onJob(draw)],
  release: [3, (draw) => onJob(draw)],
  heartbeat: [2, (draw) => onJob(draw)],
  log: [1, (draw) => onJob(draw)],
  hasOutstanding: [1, ({ one }) => ({ type: one(TYPES), key: one(['red', 'green']) })],
  getStats: [1, ({ one }) => ({ type: one([...TYPES, undefined]) })],
  /** An hour passes for what waits. */
  becomeDue: [2, () => ({})],
  /** A holder is not heard of for an hour. */
  fallSilent: [3, ({ random }) => ({ pick: random() })],
  recover: [3, ({ one }) => ({ most: one([1, 2, 1000]) })],
}

function newJob({ random, one }) {
  const options = {
    maxAttempts: one([1, 2, 3]),
    priority: one([-1, 0, 0, 5]),
    delay: one([0, 0, 0, 3_600_000]),
  }
  const dedupeKey = one(KEYS)
  if (dedupeKey !== null) {
    Object.assign(options, { dedupeKey, dedupeScope: one(SCOPES) })
    if (options.dedupeScope === 'pending' && random() < 0.3) options.coalesce = 'latest'
  }
  return { type: one(TYPES), data: Math.floor(random() * 1000), options }
}

function onJob({ random, one }) {
  return { among: one(['active', 'active', 'active', 'any']), pick: random(), token: one(TOKENS) }
}

/** The operations of one run. */
export function scriptOf(seed, length) {
  const random = numbers(seed)
  const one = (choices) => choices[Math.floor(random() * choices.length)]
  const bag = Object.entries(STEPS).flatMap(([name, [weight]]) => Array(weight).fill(name))
  return Array.from({ length }, () => {
    const name = one(bag)
    return { name, ...STEPS[name][1]({ random, one }) }
  })
}
