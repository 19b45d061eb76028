/** The state of a queue as text for Prometheus: cluster-wide, the same from every process, and there without any worker. */
import { DurablError } from '../base/errors'
import type {
  HistoryMinute,
  IJobQueueBackend,
  QueueCounts,
  QueueHistory,
  ScheduleInfo,
  WorkerInfo,
} from '../types'
import { checkQueue } from '../validate'

/**
 * Counters begin anew at 0:00, 6:00, 12:00 and 18:00 UTC, as histories do not last for ever. Prometheus takes a smaller value for such a
 * beginning.
 */
const PERIOD_MS = 6 * 3_600_000

const ENDINGS = ['completed', 'exhausted', 'fatal', 'cancelled', 'expired', 'superseded'] as const

type Labels = Readonly<Record<string, string>>

/** One family of metrics. */
interface Family {
  readonly name: string
  readonly kind: 'gauge' | 'counter' | 'histogram'
  readonly help: string
  readonly samples: readonly string[]
}

/** Documented in the public types. */
export async function prometheusText(queue: { readonly backend: IJobQueueBackend }): Promise<string> {
  const backend = checkQueue('prometheusText', queue).backend
  const now = Date.now()
  const fromMs = now - (now % PERIOD_MS)
  const [counts, history, workers, schedules] = await Promise.all([
    ifSupported(backend.counts?.()),
    // To the end of the period: the server's clock may be ahead.
    ifSupported(backend.history?.({ fromMs, toMs: fromMs + PERIOD_MS })),
    ifSupported(backend.listWorkers?.()),
    ifSupported(backend.listSchedules?.()),
  ])
  const families = [
    ...(counts === null ? [] : ofCounts(counts)),
    ...(history === null ? [] : ofHistory(history)),
    ...(workers === null ? [] : [ofWorkers(workers, counts)]),
    ...(schedules === null ? [] : [ofSchedules(schedules, now)]),
  ]
  return families.map(print).join('')
}

/** The part is left out for a backend that can't tell it. */
async function ifSupported<T>(asked: Promise<T> | undefined): Promise<T | null> {
  try {
    return (await asked) ?? null
  } catch (error) {
    if (error instanceof DurablError && error.code === 'ERR_DURABL_UNSUPPORTED') return null
    throw error
  }
}

function ofCounts({ types, completedTotal }: QueueCounts): Family[] {
  const ages = types.map(({ type, lagMs }) => sample('durabl_oldest_due_age_seconds', { type }, lagMs / 1000))
  const jobs = types.flatMap(({ type, pending, blocked, active, failed }) => {
    const of = (status: string, count: number) => sample('durabl_jobs', { type, status }, count)
    return [
      of('pending', Math.max(0, pending.count - blocked.count)),
      of('blocked', blocked.count),
      of('active', active.count),
      of('failed', failed.count),
    ]
  })
  return [
    {
      name: 'durabl_oldest_due_age_seconds',
      kind: 'gauge',
      help: 'Time since the oldest due job became due; 0 if none is due, and while the type is paused.',
      samples: ages,
    },
    {
      name: 'durabl_jobs',
      kind: 'gauge',
      help: 'Stored jobs. Those that a held key keeps from being claimed are blocked, not pending.',
      samples: jobs,
    },
    {
      name: 'durabl_completed_jobs',
      kind: 'gauge',
      help: 'Completed jobs of all types that are still stored; an estimate.',
      samples: [sample('durabl_completed_jobs', {}, completedTotal.count)],
    },
  ]
}

function ofHistory({ types, boundsMs }: QueueHistory): Family[] {
  const ended = types.flatMap(({ type, minutes }) =>
    ENDINGS.map((ending) => sample('durabl_jobs_ended_total', { type, ending }, sum(minutes, ending))),
  )
  const failed = types.map(({ type, minutes }) =>
    sample('durabl_attempts_failed_total', { type }, sum(minutes, 'failedAttempts')),
  )
  const histogram = (name: string, which: 'run' | 'wait') =>
    types.flatMap(({ type, durations }) =>
      buckets(
        name,
        type,
        boundsMs,
        durations.map((duration) => duration[which]),
      ),
    )
  const runs = 'durabl_run_duration_seconds'
  const waits = 'durabl_wait_duration_seconds'
  return [
    {
      name: 'durabl_jobs_ended_total',
      kind: 'counter',
      help: 'Ended jobs, by ending; from the last 0:00, 6:00, 12:00 or 18:00 UTC on.',
      samples: ended,
    },
    {
      name: 'durabl_attempts_failed_total',
      kind: 'counter',
      help: 'Failed attempts, including those that ended their jobs; from the same moment on.',
      samples: failed,
    },
    {
      name: runs,
      kind: 'histogram',
      help: 'Durations of handlers; from the same moment on.',
      samples: histogram(runs, 'run'),
    },
    {
      name: waits,
      kind: 'histogram',
      help: 'Waits of jobs from when they were due until they were claimed; from the same moment on.',
      samples: histogram(waits, 'wait'),
    },
  ]
}

/** Types without a worker are listed, too: they are the reason to look. */
function ofWorkers(workers: readonly WorkerInfo[], counts: QueueCounts | null): Family {
  const working = workers.flatMap(({ types }) => types.map(({ type }) => type))
  const types = [...new Set([...(counts?.types ?? []).map(({ type }) => type), ...working])].sort()
  return {
    name: 'durabl_workers',
    kind: 'gauge',
    help: 'Processes that have a processor of the type.',
    samples: types.map((type) =>
      sample('durabl_workers', { type }, working.filter((other) => other === type).length),
    ),
  }
}

function ofSchedules(schedules: readonly ScheduleInfo[], now: number): Family {
  const name = 'durabl_schedule_overdue_seconds'
  const overdue = ({ nextAt }: ScheduleInfo) =>
    nextAt === undefined ? 0 : Math.max(0, now - nextAt.getTime()) / 1000
  return {
    name,
    kind: 'gauge',
    help: 'Time since the next occurrence was due; 0 if it is yet to come.',
    samples: schedules.map((schedule) => sample(name, { schedule: schedule.id }, overdue(schedule))),
  }
}

function sum(minutes: readonly HistoryMinute[], what: keyof Omit<HistoryMinute, 'at'>): number {
  return minutes.reduce((total, minute) => total + minute[what], 0)
}

/** Cumulative, as Prometheus has them. The lengths themselves are not kept, so there is no sum of them. */
function buckets(
  name: string,
  type: string,
  boundsMs: readonly number[],
  parts: readonly (readonly number[])[],
): string[] {
  let total = 0
  const samples = boundsMs.map((bound, index) => {
    total += parts.reduce((count, part) => count + (part[index] ?? 0), 0)
    return sample(`${name}_bucket`, { type, le: String(bound / 1000) }, total)
  })
  total += parts.reduce((count, part) => count + (part[boundsMs.length] ?? 0), 0)
  return [
    ...samples,
    sample(`${name}_bucket`, { type, le: '+Inf' }, total),
    sample(`${name}_count`, { type }, total),
  ]
}

function sample(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`)
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

function print({ name, kind, help, samples }: Family): string {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`, ...samples, ''].join('\n')
}
