/** pg-boss on PostgreSQL. */
export const about = {
  title: 'pg-boss',
  packages: ['pg-boss'],
  server: 'postgresql',
  settings:
    '`batchSize: 500`, `burstWhenBatchFull`, the shortest polling interval (0.5 s); the handler takes its batch with the concurrency of the row',
  sizes: { 1: 10_000, 16: 10_000, 100: 10_000 },
  enqueues: 5_000,
  bulk: '`insert`',
}

const NAME = 'bench'
const BATCH = 500

async function handleAll(jobs, handle, concurrency) {
  const waiting = jobs.values()
  const lane = async () => {
    for (const job of waiting) await handle(job.data)
  }
  await Promise.all(Array.from({ length: concurrency }, lane))
}

export async function open({ url }) {
  const { PgBoss } = await import('pg-boss')
  const { default: pg } = await import('pg')
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  const boss = new PgBoss({ connectionString: url, max: 20, supervise: false, schedule: false })
  boss.on('error', (error) => console.error(error))
  const after = (delay) => (delay ? { startAfter: new Date(Date.now() + delay) } : {})
  return {
    setUp: async () => {
      await boss.start()
      await boss.createQueue(NAME)
    },
    add: (data, delay = 0) => boss.send(NAME, data, after(delay)),
    addMany: (datas, delay = 0) =>
      boss.insert(
        NAME,
        datas.map((data) => ({ data, ...after(delay) })),
      ),
    prepare: async (handle, concurrency) => () => {
      const options = { batchSize: BATCH, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 }
      return boss.work(NAME, options, (jobs) => handleAll(jobs, handle, concurrency))
    },
    isEmpty: async () => {
      const { rows } = await pool.query("select 1 from pgboss.job where state < 'completed' limit 1")
      return rows.length === 0
    },
    close: async () => {
      await boss.stop({ graceful: false })
      await pool.end()
    },
  }
}
