/** Graphile Worker on PostgreSQL. */
export const about = {
  title: 'Graphile Worker',
  packages: ['graphile-worker'],
  server: 'postgresql',
  settings:
    '`localQueue: { size: 500 }`, `completeJobBatchDelay: 0`, `failJobBatchDelay: 0`, `maxPoolSize` of concurrency + 2, at least 10 (its page on performance); for latency without `localQueue`',
  sizes: { 1: 10_000, 16: 15_000, 100: 15_000 },
  enqueues: 5_000,
  bulk: '`addJobs`',
}

const TASK = 'bench'

/** With `lively`, jobs start as soon as they can: batches hold them up. */
export async function open({ url }, { lively = false } = {}) {
  const { Logger, WorkerPreset, makeWorkerUtils, run } = await import('graphile-worker')
  const { default: pg } = await import('pg')
  const pool = new pg.Pool({ connectionString: url, max: 20 })
  const logger = new Logger(() => (level, message) => level === 'error' && console.error(message))
  const utils = await makeWorkerUtils({ pgPool: pool, logger })
  const batches = { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 }
  const spec = (data, delay) => ({ runAt: delay ? new Date(Date.now() + delay) : undefined })
  const start = (taskList, concurrentJobs) => {
    const worker = {
      ...{ connectionString: url, concurrentJobs, maxPoolSize: Math.max(10, concurrentJobs + 2), logger },
      ...(lively ? {} : batches),
    }
    return run({ preset: { extends: [WorkerPreset], worker }, taskList, noHandleSignals: true })
  }
  return {
    setUp: () => utils.migrate(),
    add: (data, delay = 0) => utils.addJob(TASK, data, spec(data, delay)),
    addMany: (datas, delay = 0) =>
      utils.addJobs(datas.map((data) => ({ identifier: TASK, payload: data, ...spec(data, delay) }))),
    prepare: async (handle, concurrency) => {
      const taskList = { [TASK]: async (payload) => handle(payload) }
      return () => start(taskList, concurrency)
    },
    prepareTypes: async (types, handle, concurrency) => {
      const task = async (payload) => handle(payload)
      const taskList = Object.fromEntries(Array.from({ length: types }, (_, n) => [`${TASK}-${n}`, task]))
      return () => start(taskList, concurrency)
    },
    addOf: (n, data) => utils.addJob(`${TASK}-${n}`, data),
    isEmpty: async () => {
      const { rows } = await pool.query('select 1 from graphile_worker._private_jobs limit 1')
      return rows.length === 0
    },
    close: () => pool.end(),
  }
}
