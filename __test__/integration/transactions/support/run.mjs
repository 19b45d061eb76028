/** One job of a handler's, from start to end, on each of the drivers of processors. */
import { pollUntil } from '../../../support/wait.mjs'
import { app } from '../../../support/app.mjs'

const QUICK_RETRY = { backoffDelay: 1, backoffMaxDelay: 1 }

/**
 * @param options of the app
 * @returns `run`, which starts an app whose handler of `work` does what it is told, and resolves once its job has ended as `status` says
 */
export const runner =
  (options) =>
  async (t, handler, { config, job, status = 'completed', ...more } = {}) => {
    const env = await app(t, { ...options, ...more })
    env.queue.process('work', (job, ctx) => handler({ ...env, job, ctx }), { pollInterval: 100, ...config })
    const id = await env.queue.enqueue('work', { n: 1 }, { ...QUICK_RETRY, ...job })
    const ended = await pollUntil(`the job is ${status}`, async () => {
      const stored = await env.stored(id)
      return stored?.status === status && stored
    })
    return { ...env, id, job: ended }
  }
