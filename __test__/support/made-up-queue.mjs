/** A queue that is made up: it has the calls that the dashboard makes, and jobs of every kind, without a server. */
const HOUR = 3_600_000

/** Fields that lists leave out. */
const PRIVATE = ['data', 'logs', 'errors']

const TYPES = [
  ['charge-card', 41, 900],
  ['send-receipt', 12, 120],
  ['welcome-email', 3, 60],
  ['resize-image', 260, 1900],
  ['sync-crm', 18, 400],
  ['index-document', 90, 30],
  ['nightly-report', 1, 45_000],
  ['webhook', 130, 700],
]

/** Names that break pages which trust them. */
export const ODD_TYPES = [
  '<script>alert(1)</script>',
  'a/b%2Fc?d=e#f',
  '__proto__',
  'very-long-'.repeat(30),
  'tab\tand\u202eright-to-left',
]

const REASONS = [
  (n) => `connect ECONNREFUSED 10.0.3.${n % 250}:5432`,
  (n) => `Card declined for customer cus_${1000 + n}: insufficient funds`,
  (n) => `Timeout after ${3000 + n} ms: https://api.example.com/v1/charges/${n}?key=x`,
  () => `TypeError: Cannot read properties of undefined (reading 'email')`,
]

const ACTIONS = [
  {
    by: 'ada',
    action: 'retry',
    target: '01928f3c-0001-7c1e-9f00-5a1b2c3d4e5f',
    note: '{"status":"retried"}',
  },
  { by: 'ada', action: 'pause', target: 'sync-crm', note: '{"status":"paused"}' },
  {
    by: null,
    action: 'remove',
    target: '{"status":"failed","type":"webhook"}',
    note: '{"status":"done","matched":312,"changed":300}',
  },
  { by: '<b>eve</b>', action: 'retry', target: '{"ids":["a","b"]}', note: 'by hand' },
  { by: 'ada', action: 'skip-occurrence', target: 'nightly-report', note: '{"status":"skipped"}' },
]

const exactly = (count) => ({ count, precision: 'exact' })

/**
 * @param options.isEmpty no jobs, no workers, no schedules
 * @param options.isOdd with odd names, too
 * @param options.failed how many failed jobs there are
 */
export function madeUpQueue({ isEmpty = false, isOdd = false, failed = 240, now = Date.now() } = {}) {
  const types = isEmpty ? [] : [...TYPES.map(([type]) => type), ...(isOdd ? ODD_TYPES : [])]
  const jobs = new Map()
  const calls = []
  const actions = isEmpty
    ? []
    : ACTIONS.map((action, n) => ({
        ...action,
        id: String(ACTIONS.length - n - 1),
        at: new Date(now - n * 700_000),
      }))
  const told = (name, ...args) => calls.push([name, ...args])

  const add = (index, type, fields) => {
    const id = `01928f3c-${String(index).padStart(4, '0')}-7c1e-9f00-5a1b2c3d4e5f`
    const base = { id, type, attempt: 0, maxAttempts: 5, priority: 0 }
    const createdAt = new Date(now - 2 * HOUR + index * 1000)
    jobs.set(id, { ...base, createdAt, runAt: createdAt, data: dataOf(index), logs: [], ...fields })
  }
  const dataOf = (index) => ({
    userId: `u_${index}`,
    email: `someone${index}@example.com`,
    password: 'hunter2',
    amount: 1999 + index,
    at: new Date(now),
    nested: { apiKey: 'sk_live_1', '<b>bold</b>': ['a', null, true] },
  })
  if (!isEmpty) {
    let index = 0
    for (const [position, type] of types.entries()) {
      const many = position === 3 ? 140 : 12
      for (let n = 0; n < many; n++) {
        add(index++, type, {
          ...{ status: 'pending', runAt: new Date(now - (position === 3 ? 400_000 : -60_000) + n * 500) },
          ...(n % 4 === 0 && { dedupeKey: `user:${n}`, dedupeScope: 'pending' }),
          ...(n % 5 === 4 && { attempt: 1, failReason: REASONS[0](n) }),
        })
      }
      for (let n = 0; n < 4; n++) {
        add(index++, type, {
          ...{ status: 'active', attempt: 1, claimedAt: new Date(now - n * 900), worker: `w${n % 3}-5f2a` },
        })
      }
      for (let n = 0; n < 20; n++) {
        const at = new Date(now - n * 30_000)
        add(index++, type, {
          ...{ status: 'completed', attempt: 1, claimedAt: new Date(at - 340), completedAt: at },
          result: { ok: true, n },
          logs: [{ timestamp: at, message: `handled ${n} <i>rows</i>` }],
        })
      }
    }
    for (let n = 0; n < failed; n++) {
      const kind = n % 9 < 5 ? 0 : n % 9 < 7 ? 1 : n % 9 === 7 ? 2 : 3
      const type =
        isOdd && n % 30 === 29 ? ODD_TYPES[n % ODD_TYPES.length] : ['webhook', 'charge-card'][kind % 2]
      const at = new Date(now - n * 9000)
      const reason = isOdd && n === 29 ? '<img src=x onerror=alert(2)>\u0000\u001b[31m' : REASONS[kind](n)
      const failure = (attempt) => ({
        ...{ attempt, at: new Date(at - (5 - attempt) * 60_000), reason, worker: 'w1-5f2a' },
        stack: `Error: ${reason}\n    at charge (/app/src/charge.js:41:13)\n    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)`,
      })
      add(index++, type, {
        ...{ status: 'failed', ending: 'exhausted', attempt: 5, failedAt: at, failReason: reason },
        errors: [5, 4, 3, 2, 1].map(failure),
      })
    }
  }

  const matching = ({ status, type, dedupeKey, where, ids }) =>
    [...jobs.values()].filter(
      (job) =>
        (ids === undefined || ids.includes(job.id)) &&
        (status === undefined || job.status === status) &&
        (type === undefined || [type].flat().includes(job.type)) &&
        (dedupeKey === undefined || job.dedupeKey === dedupeKey) &&
        Object.entries(where ?? {}).every(([path, value]) => job.data[path.replace(/^data\./, '')] === value),
    )
  const paused = new Map()
  const many = (verb, apply) => async (filter, options) => {
    told(verb, filter, options)
    const found = matching(filter).slice(0, options.limit ?? 1000)
    if (options.mode !== 'preview') found.forEach(apply)
    const changed = options.mode === 'preview' ? 0 : found.length
    return { status: 'done', matched: found.length, changed, skipped: 0, next: null }
  }
  const retry = (job) =>
    jobs.set(job.id, { ...job, status: 'pending', attempt: 0, ending: undefined, failReason: undefined })
  const series = (rate, at) =>
    Math.max(0, Math.round(rate * (1 + 0.3 * Math.sin(at / 7) + 0.15 * Math.sin(at * 1.7))))
  /** In each minute as many as a type does, more or less; some types fail for half an hour in each hour. */
  const minutesOf = (type, fromMs, toMs) => {
    const [, rate = 6] = TYPES.find(([name]) => name === type) ?? []
    const isFailing = type === 'webhook' || type === 'charge-card'
    const minutes = []
    for (let at = fromMs; at < Math.min(toMs, now); at += 60_000) {
      const minute = Math.floor(at / 60_000)
      const failedAttempts =
        isFailing && (at > now - 1_500_000 || minute % 400 < 30) ? series(rate * 0.2, minute) : 0
      minutes.push({ at: new Date(at), completed: series(rate, minute), failedAttempts })
    }
    return minutes
  }
  const BOUNDS = Array.from({ length: 26 }, (_, at) => 0.01 * 2 ** at)
  const durationsOf = (type, fromMs, toMs) => {
    const [, , run = 50] = TYPES.find(([name]) => name === type) ?? []
    const around = (ms) => BOUNDS.map((bound) => (bound > ms / 3 && bound < ms * 2 ? 10 : 0))
    const durations = []
    for (let at = Math.ceil(fromMs / 600_000) * 600_000; at < Math.min(toMs, now); at += 600_000) {
      const slow = 1 + (Math.floor(at / 600_000) % 7)
      durations.push({ at: new Date(at), run: around(run * slow), wait: around(20 * slow * slow) })
    }
    return durations
  }

  return {
    ...{ calls, jobs, types, paused },
    enqueue: async () => 'unused',
    getStats: async () => ({}),
    counts: async () => {
      told('counts')
      return {
        at: new Date(now),
        completedTotal: exactly(48_211),
        types: types.map((type) => {
          const of = (status) => matching({ type, status })
          const due = of('pending').filter(({ runAt }) => runAt <= now)
          return {
            type,
            ...{
              pending: exactly(of('pending').length),
              due: exactly(due.length),
              active: exactly(of('active').length),
            },
            blocked: exactly(type === 'sync-crm' ? 3 : 0),
            failed:
              type === 'webhook' ? { count: 100_000, precision: 'at-least' } : exactly(of('failed').length),
            oldestDueAt: due[0]?.runAt ?? null,
            state: paused.has(type) ? 'paused' : 'running',
          }
        }),
      }
    },
    listWorkers: async () =>
      isEmpty
        ? []
        : [0, 1, 2].map((n) => ({
            ...{ id: `w${n}-5f2a`, host: `worker-${n}.eu-west-1`, pid: 4100 + n },
            versions: { durabl: n === 2 ? '0.4.0' : '0.5.0', node: 'v22.11.0', app: '2026.48' },
            types: types.slice(0, 8).map((type, at) => ({ type, concurrency: 4 + at, active: (n + at) % 5 })),
            ...{ startedAt: new Date(now - 5 * HOUR), seenAt: new Date(now - 4000 * (n + 1)) },
          })),
    listSchedules: async () =>
      isEmpty
        ? []
        : [
            schedule(
              'nightly-report',
              'nightly-report',
              { cron: '30 2 * * *', timezone: 'Europe/Berlin' },
              4 * HOUR,
            ),
            schedule('crm', 'sync-crm', { everyMs: 900_000 }, 300_000),
            schedule('invoices', 'charge-card', { cron: '0 6 1 * *' }, -3_600_000),
            schedule(
              'weekdays',
              'welcome-email',
              { cron: '15 9 * * 1-5', timezone: 'America/New_York' },
              9 * HOUR,
              'paused',
            ),
          ],
    history: async ({ type: wanted, fromMs, toMs }) => {
      told('history', wanted)
      const known = types.filter((type) => wanted === undefined || type === wanted)
      return {
        boundsMs: BOUNDS,
        types: known.map((type) => ({
          ...{ type, minutes: minutesOf(type, fromMs, toMs), durations: durationsOf(type, fromMs, toMs) },
        })),
      }
    },
    getJob: async (id) => {
      told('getJob', id)
      return jobs.get(id) ?? null
    },
    listJobs: async (asked) => {
      told('listJobs', asked)
      const found = matching(asked)
      const from = asked.after === undefined ? 0 : Number(asked.after)
      const page = found.slice(from, from + asked.limit)
      const next = from + asked.limit < found.length ? String(from + asked.limit) : null
      const summary = (job) =>
        Object.fromEntries(Object.entries(job).filter(([name]) => !PRIVATE.includes(name)))
      return { jobs: page.map(summary), next, looked: page.length, status: 'complete' }
    },
    retry: async (id, options) => {
      told('retry', id, options)
      if (!jobs.has(id)) return { status: 'not-found' }
      retry({ ...jobs.get(id), ...(options?.data !== undefined && { data: options.data }) })
      return { status: 'retried' }
    },
    cancel: async (id, options) => {
      told('cancel', id, options)
      return { status: 'cancelled' }
    },
    promote: async (id) => {
      told('promote', id)
      return { status: 'promoted' }
    },
    remove: async (id) => {
      told('remove', id)
      return { status: jobs.delete(id) ? 'removed' : 'not-found' }
    },
    retryMany: many('retryMany', retry),
    cancelMany: many('cancelMany', (job) => jobs.delete(job.id)),
    promoteMany: many('promoteMany', () => {}),
    removeMany: many('removeMany', (job) => jobs.delete(job.id)),
    pause: async (type, options) => {
      told('pause', type, options)
      paused.set(type, { at: new Date(now), by: null, reason: options?.reason ?? null })
      return { status: 'paused' }
    },
    resume: async (type) => {
      told('resume', type)
      return { status: paused.delete(type) ? 'resumed' : 'unchanged' }
    },
    triggerSchedule: async (id) => (told('triggerSchedule', id), { status: 'created', id: 'x' }),
    pauseSchedule: async (id) => (told('pauseSchedule', id), { status: 'paused' }),
    resumeSchedule: async (id) => (told('resumeSchedule', id), { status: 'resumed' }),
    unschedule: async (id) => (told('unschedule', id), { status: 'removed' }),
    skipSchedule: async (id, at) => (told('skipSchedule', id, at), { status: 'skipped' }),
    reschedule: async (id, options) => {
      told('reschedule', id, options)
      jobs.set(id, { ...jobs.get(id), ...options })
      return { status: 'rescheduled' }
    },
    recordAction: async (entry) => {
      told('recordAction', entry)
      actions.unshift({
        by: null,
        target: null,
        note: null,
        ...entry,
        id: String(actions.length),
        at: new Date(now),
      })
    },
    listActions: async ({ limit = 50, before } = {}) => {
      const from = before === undefined ? 0 : actions.findIndex(({ id }) => id === before) + 1
      return actions.slice(from, from + limit)
    },
    /** As far as metrics go. */
    get backend() {
      const { counts, history, listWorkers, listSchedules, enqueue } = this
      const unused = {
        enqueue,
        claimOrEnqueue: enqueue,
        claimNext: enqueue,
        complete: enqueue,
        fail: enqueue,
      }
      return { ...unused, counts, history, listWorkers, listSchedules }
    },
  }

  function schedule(id, type, spec, in_, status = 'running') {
    const nextAt = status === 'running' ? new Date(now + in_) : undefined
    const whole = { timezone: 'UTC', overlap: 'skip', missed: 'once', ...spec }
    return {
      id,
      status,
      spec: whole,
      job: { type },
      nextAt,
      lastAt: new Date(now - HOUR),
      skipped: [],
      owner: 'app',
    }
  }
}
