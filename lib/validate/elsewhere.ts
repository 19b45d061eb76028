/** Names that other job queues use for options, so that a refusal can point to durabl's name. Read only after a name was refused. */
import { nearest } from './nearest'

const RETENTION = 'the option "retention" of MongoJobQueue removes jobs that have ended'
const LEASES =
  'leave it out: durabl renews leases by itself; each lasts four times "heartbeatIntervalMs" of process()'
const SCHEDULES = 'queue.schedule(id, { cron } or { everyMs }, { type, data }) makes jobs again and again'
const RATES =
  'durabl limits how many jobs run at once, by "concurrency" of process(), not how many start in a time; see "Rate limits" in docs/guide/jobs.md'
const FLOWS =
  'jobs have no children; an orchestration waits for other jobs, see "Many jobs, and then one" in docs/guide/orchestration.md'

/** For each name, the options that may be meant, of which a call takes at most one, and the advice if it takes none. */
const ELSEWHERE = new Map<string, { readonly names?: readonly string[]; readonly advice?: string }>([
  ['attempts', { names: ['maxAttempts'] }],
  ['children', { advice: FLOWS }],
  ['cronTime', { names: ['cron'], advice: SCHEDULES }],
  ['debounce', { names: ['dedupeKey'] }],
  ['deduplication', { names: ['dedupeKey'] }],
  ['defaultConcurrency', { names: ['concurrency'] }],
  ['defaultJobOptions', { names: ['defaults'] }],
  ['endDate', { names: ['endAt'] }],
  ['every', { names: ['everyMs'], advice: SCHEDULES }],
  ['immediately', { advice: 'queue.triggerSchedule(id) makes a job of a schedule now' }],
  ['jobId', { names: ['id'] }],
  ['jobKey', { names: ['dedupeKey'] }],
  ['lifo', { advice: 'give later jobs a lower "priority"' }],
  ['limit', { names: ['endAt'] }],
  ['limiter', { advice: RATES }],
  ['lockDuration', { advice: LEASES }],
  ['lockLifetime', { advice: LEASES }],
  ['lockLimit', { names: ['prefetch'] }],
  ['maxConcurrency', { names: ['concurrency'] }],
  ['maxStalledCount', { advice: 'a crash uses an attempt of "maxAttempts"' }],
  ['name', { names: ['type'] }],
  ['opts', { names: ['options'] }],
  ['parent', { advice: FLOWS }],
  ['pattern', { names: ['cron'], advice: SCHEDULES }],
  ['processEvery', { names: ['pollInterval'] }],
  ['rateLimit', { advice: RATES }],
  ['removeOnComplete', { advice: RETENTION }],
  ['removeOnFail', { advice: RETENTION }],
  ['repeat', { advice: SCHEDULES }],
  ['repeatEvery', { names: ['everyMs'], advice: SCHEDULES }],
  ['retryLimit', { names: ['maxAttempts'] }],
  ['singletonKey', { names: ['dedupeKey'] }],
  [
    'skipImmediate',
    { advice: 'leave it out: a schedule makes no job at once; queue.triggerSchedule(id) does' },
  ],
  ['stalledInterval', { advice: LEASES }],
  ['startAfter', { names: ['runAt'] }],
  ['startDate', { names: ['startAt'] }],
  ['tz', { names: ['timezone'] }],
  ['unique', { names: ['dedupeKey'] }],
])

/** The end of an error about an unknown name: the name that was meant, or advice; null if there is neither. */
export function hintFor(name: string, known: readonly string[]): string | null {
  const other = ELSEWHERE.get(name)
  const meant = other?.names?.find((one) => known.includes(one)) ?? null
  if (meant === null && other?.advice !== undefined) return other.advice
  const named = meant ?? nearest(name, known)
  return named === null ? null : `did you mean "${named}"?`
}
