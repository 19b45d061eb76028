/** Questions that decide for an app: one process that adds and works, many types, handlers that take time, idle workers, delayed jobs, a dead worker. */
import { now } from '../child/clock.mjs'
import { peers } from '../peers/all.mjs'
import { play, start } from '../process.mjs'
import { commandsOf } from '../servers/commands.mjs'
import { pause } from '../standalone.mjs'

export const involves = ['durabl', 'bullmq', 'graphile-worker']

const CONCURRENCY = 16
const IN_FLIGHT = 64
const TYPES = 1_000
const TYPE_CONCURRENCY = 2
const IDLE_MS = 60_000
const SETTLE_MS = 5_000
const HOUR_MS = 3_600_000
const LONG_MS = 300_000

const whole = (value) => Math.round(value)
const tenth = (value) => Math.round(value * 10) / 10

/** Questions: how one round answers it, in which unit, and who is asked: by default all. */
const QUESTIONS = {
  local: {
    name: 'one process adds, 64 calls under way, and works',
    unit: 'jobs/s',
    jobs: 10_000,
    async measure(request, { jobs }) {
      const { seconds } = await play('both', { ...request, jobs, width: IN_FLIGHT })
      return whole(jobs / seconds)
    },
  },
  types: {
    name: '1,000 types in one process, added and worked on',
    unit: 'jobs/s',
    jobs: 5_000,
    async measure(request, { jobs, types }) {
      const orders = { ...request, jobs, types, concurrency: TYPE_CONCURRENCY, width: IN_FLIGHT }
      const { seconds } = await play('both', orders, LONG_MS)
      return whole(jobs / seconds)
    },
  },
  ...Object.fromEntries(
    [1, 10, 100].map((workMs) => [
      `handlers-${workMs}`,
      {
        name: `handlers of ${workMs} ms, 16 at once: against the handlers alone`,
        unit: '×',
        jobs: Math.max(400, 8_000 / workMs),
        async measure(request, { jobs }) {
          const orders = { ...request, jobs, workMs }
          const ideal = await play('sleepers', orders)
          await play('fill', { ...request, jobs, delay: 0 })
          const { seconds } = await play('drain', orders)
          return Math.round((seconds / ideal.seconds) * 100) / 100
        },
      },
    ]),
  ),
  idle: {
    name: 'an idle worker, commands at the server',
    unit: 'an hour',
    async measure(request, { idleMs }) {
      const { server, place } = request
      const { measured } = await besideIdle(request, async () => {
        await pause(SETTLE_MS)
        const before = await commandsOf(server, place)
        await pause(idleMs)
        return (await commandsOf(server, place)) - before
      })
      return whole(measured * (HOUR_MS / idleMs))
    },
  },
  delayed: {
    name: 'a worker beside 100,000 delayed jobs, resident memory',
    unit: 'MB',
    jobs: 100_000,
    async measure(request, { jobs }) {
      await play('fill', { ...request, jobs, delay: HOUR_MS }, LONG_MS)
      const { rssMB } = await besideIdle(request, () => pause(SETTLE_MS))
      return whole(rssMB)
    },
  },
  killed: {
    name: 'from `kill -9` of a worker to the next start of its job',
    unit: 's',
    // Its locks last four hours, and no setting says otherwise.
    peers: ['durabl', 'bullmq'],
    async measure(request) {
      await play('fill', { ...request, jobs: 1, delay: 0 })
      const first = start('hang', { ...request, holds: true }, LONG_MS)
      await first.ready
      const second = start('hang', request, LONG_MS)
      await second.ready
      second.go()
      const killedAt = now()
      process.kill(first.pid, 'SIGKILL')
      const { startedAt } = await second.result
      return tenth((startedAt - killedAt) / 1000)
    },
  },
}

/** Measures beside a worker without work; resolves to what was `measured`, and what the worker tells at its end. */
async function besideIdle(request, measure) {
  const worker = start('stay', request, LONG_MS)
  await worker.ready
  worker.go()
  const measured = await measure()
  worker.stop()
  return { measured, ...(await worker.result) }
}

/** One column of the table for each of these. */
const WAYS = {
  durabl: { peer: 'durabl', name: 'durabl' },
  'durabl-push': { peer: 'durabl', name: 'durabl, change streams', variant: { push: true }, only: ['idle'] },
  'durabl-no-hand-off': {
    ...{ peer: 'durabl', name: 'durabl, `handOff: false`', only: ['local', 'types'] },
    variant: { settings: { handOff: false } },
  },
  bullmq: { peer: 'bullmq', name: 'BullMQ' },
  'graphile-worker': { peer: 'graphile-worker', name: 'Graphile Worker' },
}

function contestant({ servers, sized }, kind, id) {
  const { name: question, unit, jobs: usual, measure } = QUESTIONS[kind]
  const { peer, name, variant } = WAYS[id]
  const { server } = peers[peer]
  const scale = (number) => Math.max(1, Math.round((number * sized(1_000_000)) / 1_000_000))
  const jobs = usual && sized(usual)
  const amounts = { jobs, types: scale(TYPES), idleMs: scale(IDLE_MS) }
  const run = () =>
    servers.withPlace(server, async (place) => {
      const request = { peer, variant, server, place, concurrency: CONCURRENCY }
      return { value: await measure(request, amounts) }
    })
  const tell = ({ value }) => `${value} ${unit}`
  return { id, kind, name, question, unit, jobs, title: `${question}: ${name}`, run, tell }
}

export const KINDS = Object.keys(QUESTIONS)

export function contestants(context) {
  return Object.entries(QUESTIONS)
    .filter(([kind]) => context.questions.includes(kind))
    .flatMap(([kind, { peers: asked }]) =>
      Object.entries(WAYS)
        .filter(([, { peer, only }]) => context.peers.includes(peer) && (only?.includes(kind) ?? true))
        .filter(([, { peer }]) => asked?.includes(peer) ?? true)
        .map(([id]) => contestant(context, kind, id)),
    )
}
