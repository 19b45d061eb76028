/**
 * Behaviours of every backend, and of every queue on it: one list, run over each of them. Where a backend is meant to differ, it says so by
 * name, and then must differ. A deviation that is none any more is a failure as well.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { JobQueue } from 'durabl'
import cancel from './behaviours/cancel.mjs'
import claim from './behaviours/claim.mjs'
import claimOrEnqueue from './behaviours/claim-or-enqueue.mjs'
import control from './behaviours/control.mjs'
import controlMany from './behaviours/control-many.mjs'
import dedupe from './behaviours/dedupe.mjs'
import enqueue from './behaviours/enqueue.mjs'
import enqueueMany from './behaviours/enqueue-many.mjs'
import find from './behaviours/find.mjs'
import fleet from './behaviours/fleet.mjs'
import handles from './behaviours/handles.mjs'
import journal from './behaviours/journal.mjs'
import kept from './behaviours/kept.mjs'
import lease from './behaviours/lease.mjs'
import lifecycle from './behaviours/lifecycle.mjs'
import log from './behaviours/log.mjs'
import looking from './behaviours/looking.mjs'
import making from './behaviours/making.mjs'
import parking from './behaviours/parking.mjs'
import outcome from './behaviours/outcome.mjs'
import process from './behaviours/process.mjs'
import recovery from './behaviours/recovery.mjs'
import runClaimed from './behaviours/run-claimed.mjs'
import schedules from './behaviours/schedules.mjs'
import settle from './behaviours/settle.mjs'
import singleFlight from './behaviours/single-flight.mjs'
import stats from './behaviours/stats.mjs'
import telemetry from './behaviours/telemetry.mjs'
import transactions from './behaviours/transactions.mjs'
import waits from './behaviours/waits.mjs'
import { inTime } from '../support/time.mjs'
import { pollUntil } from '../support/wait.mjs'

const GROUPS = {
  enqueue,
  'enqueue many': enqueueMany,
  making,
  claim,
  settle,
  cancel,
  waits,
  lease,
  dedupe,
  'single-flight': singleFlight,
  'claim or enqueue': claimOrEnqueue,
  handles,
  recovery,
  log,
  find,
  control,
  looking,
  fleet,
  'control of many': controlMany,
  stats,
  process,
  'results and progress': kept,
  outcome,
  'run claimed': runClaimed,
  telemetry,
  transactions,
  schedules,
  journal,
  parking,
  lifecycle,
}

/** The longest wait for something that should come. Where it comes, the wait is shorter. */
const PATIENCE_MS = 10_000
/** As above, where it is declared that it won't come. */
const SHORT_PATIENCE_MS = 300

/**
 * @param name the backend's
 * @param makeBackend given the test's context, makes a backend that holds no job
 * @param deviations by name of the behaviour, why the backend differs
 */
export function conformance(name, makeBackend, deviations = {}) {
  describe(name, () => {
    const known = new Set()
    for (const [group, behaviours] of Object.entries(GROUPS)) {
      describe(group, () => {
        for (const [behaviour, body] of Object.entries(behaviours)) {
          known.add(behaviour)
          const reason = deviations[behaviour]
          if (reason === undefined) test(behaviour, (t) => run(t, makeBackend, body, PATIENCE_MS))
          else test(`deviates (${reason}): ${behaviour}`, (t) => deviates(t, makeBackend, body))
        }
      })
    }
    test('every declared deviation is of a behaviour that exists', () => {
      assert.deepEqual(
        Object.keys(deviations).filter((deviation) => !known.has(deviation)),
        [],
      )
    })
  })
}

async function deviates(t, makeBackend, body) {
  await assert.rejects(
    run(t, makeBackend, body, SHORT_PATIENCE_MS),
    (error) => error instanceof assert.AssertionError,
    'the backend does what it is declared not to do: remove the deviation',
  )
}

async function run(t, makeBackend, body, patienceMs) {
  const backend = await makeBackend(t)
  const env = new Environment(backend, patienceMs)
  try {
    await body(env)
  } finally {
    await env.end()
  }
}

/** The tools of a behaviour. The methods are fields, so that a behaviour can take those it needs. */
class Environment {
  #queues = []

  constructor(backend, patienceMs) {
    this.backend = backend
    this.patienceMs = patienceMs
  }

  /** A queue that ends with the test; silent, as many behaviours are failures. It recovers nothing: what is forgotten stays so. */
  makeQueue = (options, logger = SILENT) => {
    const queue = new JobQueue(this.backend, logger, { autoRecover: false, ...options })
    this.#queues.push(queue)
    return queue
  }

  /** The job as stored now. */
  stored = async (id) => {
    const job = await this.backend.findOne({ id })
    assert.ok(job, `job ${id} is stored`)
    return job
  }

  /** The job with all its fields as stored now, past what the calls of a backend show. */
  raw = (id) => {
    const { backend } = this
    return backend.jobs?.find((job) => job.id === id) ?? backend.getCollection().findOne({ _id: id })
  }

  /** The claim token as stored now, past `findOne`, which shows none; undefined if there is none. */
  tokenOf = async (id) => {
    return (await this.raw(id)).claimToken ?? undefined
  }

  /** Waits until something holds: until the answer is neither false nor null, and returns the answer. */
  until = (what, ask) => pollUntil(what, ask, { everyMs: 5, patienceMs: this.patienceMs })

  /** Waits until the job has this status, and returns it. */
  whenJob = (id, status) =>
    this.until(`job ${id} is ${status}`, async () => {
      const job = await this.stored(id)
      return job.status === status && job
    })

  /** Waits for a promise, but not for ever. */
  arrival = (what, promise) =>
    inTime(this.patienceMs, promise, () => assert.fail(`waited in vain for ${what}`))

  async end() {
    await Promise.all(this.#queues.map((queue) => queue.shutdown(0)))
    await this.backend.shutdown(1000)
  }
}

const SILENT = { debug() {}, info() {}, warn() {}, error() {} }
