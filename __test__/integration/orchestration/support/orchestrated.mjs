/** An orchestrator on a backend of its own, and looks at its jobs. */
import { DummyBackend, JobQueue, MongoJobQueue, Orchestrator } from 'durabl'
import { atEnd } from '../../../support/cleanup.mjs'
import { SILENT } from '../../../support/jobs.mjs'
import { connect } from '../../../support/mongo.mjs'
import { pollUntil } from '../../../support/wait.mjs'

export const BACKENDS = ['MongoJobQueue', 'a decorated MongoJobQueue', 'DummyBackend']

/** Retried almost at once. */
export const QUICK = { backoffDelay: 1, backoffMaxDelay: 1 }

class Decorated extends MongoJobQueue {
  async complete(...args) {
    return super.complete(...args)
  }
}

async function makeBackend(t, name, options) {
  if (name === 'DummyBackend') return () => new DummyBackend(options)
  const { db } = await connect(t)
  const Backend = name === 'MongoJobQueue' ? MongoJobQueue : Decorated
  return () => new Backend({ db, logger: SILENT, ...options })
}

/** A queue on a backend, and looks at its jobs. */
function joined(t, backend, queueOptions, logger = SILENT) {
  const events = []
  const queue = new JobQueue(backend, logger, {
    autoRecover: false,
    ...queueOptions,
    onJobEvent: (event) => events.push(event),
  })
  atEnd(t, () => queue.shutdown(0))
  const job = (id) => backend.findOne({ id })
  return {
    ...{ backend, queue, events },
    /** Waits until the job has this status, or has ended. */
    ended: (id, statuses = ['completed', 'failed', 'superseded']) =>
      pollUntil(
        `job ${id} has ended`,
        async () => {
          const found = await job(id)
          return statuses.includes(found.status) && found
        },
        { everyMs: 5 },
      ),
    job,
  }
}

/**
 * @param name of {@link BACKENDS}
 * @param options.backend of the backend; `options.queue`: of the queue
 */
export async function orchestrated(t, name, options = {}) {
  const make = await makeBackend(t, name, options.backend)
  const backend = make()
  await backend.startup()
  atEnd(t, () => backend.shutdown(5000))
  const own = joined(t, backend, options.queue, options.logger)
  return {
    ...own,
    orchestrator: new Orchestrator(own.queue, options.logger ?? SILENT),
    /** The journal, as places, names and results. */
    stepsOf: async (id, from = own) =>
      (await from.backend.readSteps(id)).map(({ seq, name: step, result }) => [seq, step, result]),
    stored: (from, id) => from.job(id),
    /** Another process: on a backend of its own, or on this one where that is all there is. */
    join: (last) => {
      const next = name === 'DummyBackend' ? last : make()
      if (next !== last) atEnd(t, () => next.shutdown(5000))
      return joined(t, next, options.queue)
    },
  }
}
