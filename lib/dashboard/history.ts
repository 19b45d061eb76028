/** The counts of the workers: the last hour of every type, and a day of one. */
import { isRecord } from '../validate/rules'
import { callOf, ifSupported } from './calls'
import { list, moment, number } from './rows'
import type { History, TypeRow } from './wire'

type Fields = Readonly<Record<string, unknown>>

/** The share of a row that the history tells. */
export type Hour = Pick<TypeRow, 'completed' | 'failures' | 'p95RunMs' | 'p95WaitMs' | 'waits'>

const MINUTE_MS = 60_000
const TEN_MINUTES_MS = 10 * MINUTE_MS
const HOUR_MINUTES = 60
const DAY_STEPS = 144

interface Told {
  readonly bounds: readonly number[]
  readonly types: readonly Fields[]
}

async function asked(queue: object, query: object): Promise<Told> {
  const found = await ifSupported<unknown>(callOf(queue, 'history')(query), null)
  if (!isRecord(found)) return { bounds: [], types: [] }
  return { bounds: numbers(found.boundsMs), types: list(found.types) }
}

const numbers = (value: unknown): number[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === 'number') : []

export async function hourOf(queue: object): Promise<ReadonlyMap<string, Hour>> {
  const toMs = nextStep(MINUTE_MS)
  const fromMs = toMs - HOUR_MINUTES * MINUTE_MS
  const { bounds, types } = await asked(queue, { fromMs, toMs })
  return new Map(types.map((one) => [String(one.type), hour(one, bounds, fromMs)]))
}

function hour({ minutes, durations }: Fields, bounds: readonly number[], fromMs: number): Hour {
  const steps = list(durations)
  const of = (name: string) => spread(list(minutes), name, { fromMs, stepMs: MINUTE_MS, count: HOUR_MINUTES })
  return {
    ...{ completed: of('completed'), failures: of('failedAttempts') },
    p95RunMs: p95(steps.map(({ run }) => numbers(run)).reduce(added, []), bounds),
    p95WaitMs: p95(steps.map(({ wait }) => numbers(wait)).reduce(added, []), bounds),
    waits: percentiles(steps, 'wait', bounds, { fromMs, stepMs: TEN_MINUTES_MS, count: 6 }),
  }
}

export async function dayOf(queue: object, type: string): Promise<History> {
  const toMs = nextStep(TEN_MINUTES_MS)
  const fromMs = toMs - DAY_STEPS * TEN_MINUTES_MS
  const { bounds, types } = await asked(queue, { type, fromMs, toMs })
  const { minutes, durations } = types[0] ?? {}
  const grid = { fromMs, stepMs: TEN_MINUTES_MS, count: DAY_STEPS }
  return {
    ...{ from: fromMs, stepMs: TEN_MINUTES_MS },
    completed: spread(list(minutes), 'completed', grid),
    failures: spread(list(minutes), 'failedAttempts', grid),
    runs: percentiles(list(durations), 'run', bounds, grid),
    waits: percentiles(list(durations), 'wait', bounds, grid),
  }
}

/** Whole steps, so that a bar does not change its content while it moves. */
const nextStep = (stepMs: number): number => (Math.floor(Date.now() / stepMs) + 1) * stepMs

interface Grid {
  readonly fromMs: number
  readonly stepMs: number
  readonly count: number
}

/** The place of a moment; null outside. */
function placeOf(at: unknown, { fromMs, stepMs, count }: Grid): number | null {
  const place = Math.floor(((moment(at) ?? 0) - fromMs) / stepMs)
  return place >= 0 && place < count ? place : null
}

function spread(minutes: readonly Fields[], name: string, grid: Grid): number[] {
  const sums = Array.from({ length: grid.count }, () => 0)
  for (const minute of minutes) {
    const place = placeOf(minute.at, grid)
    if (place !== null) sums[place] = (sums[place] ?? 0) + (number(minute[name]) ?? 0)
  }
  return sums
}

function percentiles(
  steps: readonly Fields[],
  name: string,
  bounds: readonly number[],
  grid: Grid,
): (number | null)[] {
  const sums = Array.from({ length: grid.count }, (): number[] => [])
  for (const step of steps) {
    const place = placeOf(step.at, grid)
    if (place !== null) sums[place] = added(sums[place] ?? [], numbers(step[name]))
  }
  return sums.map((counts) => p95(counts, bounds))
}

const added = (one: readonly number[], other: readonly number[]): number[] =>
  Array.from({ length: Math.max(one.length, other.length) }, (_, at) => (one[at] ?? 0) + (other[at] ?? 0))

/** The bound that 95 of a hundred stay below; the last one if they do not. Null without any. */
export function p95(counts: readonly number[], bounds: readonly number[]): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0)
  let below = 0
  for (const [bucket, count] of counts.entries()) {
    below += count
    if (total > 0 && below >= 0.95 * total) return bounds[Math.min(bucket, bounds.length - 1)] ?? null
  }
  return null
}
