/** Things that an operator should know, most urgent first. */
import type { Live, Warning } from './wire'

/** A schedule is late only after the delay that a busy worker may cause. */
const OVERDUE_MS = 15_000

/** From here on, ended jobs that nothing removes are a cost. */
const MANY_ENDED = 1_000_000

export function warningsOf(seen: Omit<Live, 'warnings'>, isCounted: boolean): Warning[] {
  return [
    ...seen.types.flatMap(withoutWorker),
    ...overdue(seen),
    ...seen.types.filter(({ isPaused }) => isPaused).map(pausedType),
    ...versions(seen),
    ...retention(seen),
    ...(isCounted
      ? []
      : [
          {
            kind: 'unsupported',
            type: null,
            subject: '',
            text: 'The backend of this queue has no counts().',
          } as const,
        ]),
  ]
}

function withoutWorker({ type, due, workers, isPaused }: Live['types'][number]): Warning[] {
  if (due.count === 0 || workers > 0 || isPaused) return []
  return [{ kind: 'no-worker', type, subject: type, text: 'has due jobs and no worker.' }]
}

const pausedType = ({ type }: Live['types'][number]): Warning => ({
  ...{ kind: 'paused', type, subject: type, text: 'is paused: workers start no jobs of it.' },
})

function overdue({ schedules, at }: Omit<Live, 'warnings'>): Warning[] {
  return schedules
    .filter(({ status, nextAt }) => status === 'running' && nextAt !== null && nextAt < at - OVERDUE_MS)
    .map(({ id, type }) => ({ kind: 'overdue', type, subject: id, text: 'is a schedule that is overdue.' }))
}

function versions({ workers }: Omit<Live, 'warnings'>): Warning[] {
  const found = [
    ...new Set(workers.map(({ versions: { durabl } }) => durabl).filter((one) => one !== undefined)),
  ]
  if (found.length < 2) return []
  return [
    { kind: 'versions', type: null, subject: '', text: `Workers run durabl ${found.sort().join(' and ')}.` },
  ]
}

function retention({ completedTotal }: Omit<Live, 'warnings'>): Warning[] {
  if (completedTotal === null || completedTotal < MANY_ENDED) return []
  const text = 'More than a million ended jobs are stored: the option "retention" removes old ones.'
  return [{ kind: 'retention', type: null, subject: '', text }]
}
