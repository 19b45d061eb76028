/** The overview: the lag, the failures and the workers. */
import type { Live, TypeRow, Warning } from '../wire'
import { Spark } from './charts'
import { length, short, shortened, visible, whole } from './format'
import { Number, Tile, TypeLink, useNow } from './parts'
import { to, useShared } from './state'

export const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)

export const lagOf = ({ oldestDueAt, isPaused }: TypeRow, now: number): number =>
  oldestDueAt === null || isPaused ? 0 : Math.max(0, now - oldestDueAt)

/** A minute late is worth a look, five are trouble. */
export const toneOfLag = (ms: number): string | undefined =>
  ms > 300_000 ? 'bad' : ms > 60_000 ? 'warn' : undefined

/** Per minute, of the last five that are whole; the one that has begun instead of the oldest if that is more. */
const rateOf = (perMinute: readonly number[]): number =>
  Math.max(sum(perMinute.slice(-6, -1)), sum(perMinute.slice(-5))) / 5

const perMinute = (rate: number): string => (rate < 10 ? String(Math.round(rate * 10) / 10) : short(rate))

export function Overview() {
  const { live } = useShared()
  if (live.types.length === 0) return <Nothing />
  return (
    <>
      <h1 class="hidden">Overview</h1>
      <Tiles live={live} />
      <Warnings of={live.warnings} />
      <Types rows={live.types} />
    </>
  )
}

function Nothing() {
  return (
    <>
      <h1>No jobs yet</h1>
      <p class="lead">
        Types appear here with their first job, or as soon as a worker has a processor for them.
      </p>
      <pre class="code">
        {
          "await queue.enqueue('welcome-email', { userId: 'u_123' })\n\nqueue.process('welcome-email', async (job) => {\n  await send(job.data.userId)\n})"
        }
      </pre>
    </>
  )
}

function Tiles({ live }: { live: Live }) {
  const now = useNow()
  const { types, workers, schedules } = live
  const worst = types.reduce((a, b) => (lagOf(b, now) > lagOf(a, now) ? b : a))
  const lag = lagOf(worst, now)
  const due = sum(types.map(({ due: { count } }) => count))
  const active = sum(types.map(({ active: { count } }) => count))
  const slots = sum(types.map(({ slots: count }) => count))
  const completed = sum(types.flatMap(({ completed: values }) => values))
  const failures = sum(types.flatMap(({ failures: values }) => values))
  const stored = sum(types.map(({ failed: { count } }) => count))
  const share = completed + failures === 0 ? 0 : failures / (completed + failures)
  const rate = sum(types.map((row) => rateOf(row.completed)))
  const isStuck = lag >= 1000 && worst.workers === 0
  const overdue = live.warnings.filter(({ kind }) => kind === 'overdue').length
  return (
    <section class="tiles" aria-label="The whole queue">
      <Tile
        label={isStuck ? 'No worker' : lag > 60_000 ? 'Behind' : 'Keeping up'}
        value={lag < 1000 ? 'no lag' : length(lag)}
        note={lag < 1000 ? 'nothing waits' : visible(worst.type)}
        tone={isStuck ? 'bad' : (toneOfLag(lag) ?? 'calm')}
      />
      <Tile
        label="Due"
        value={short(due)}
        note="wait for a worker"
        href={to('jobs', { status: 'pending' })}
      />
      <Tile
        label="Active"
        value={short(active)}
        note={`of ${short(slots)} slots`}
        href={to('jobs', { status: 'active' })}
      />
      <Tile label="Completed" value={`${perMinute(rate)}/min`} note={`${whole(completed)} in an hour`} />
      <Tile
        label="Failed attempts"
        value={short(failures)}
        note={`${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)} % of an hour`}
        tone={share > 0.2 ? 'bad' : share > 0.05 ? 'warn' : undefined}
        href={to('failures')}
      />
      <Tile label="Failed jobs" value={short(stored)} note="stored" href={to('failures')} />
      <Tile
        label="Workers"
        value={workers.length}
        note={
          workers.length === 0
            ? 'none is there'
            : overdue > 0
              ? `${overdue} ${overdue === 1 ? 'schedule' : 'schedules'} overdue`
              : `${schedules.length} schedules`
        }
        tone={workers.length === 0 ? 'bad' : overdue > 0 ? 'warn' : undefined}
        href={to('workers')}
      />
    </section>
  )
}

const MOST_WARNINGS = 6

export function Warnings({ of }: { of: readonly Warning[] }) {
  if (of.length === 0) return null
  return (
    <ul class="warnings" aria-label="Warnings">
      {of.slice(0, MOST_WARNINGS).map(({ kind, subject, text, type }) => (
        <li class={kind} key={`${kind} ${subject}`}>
          {subject && (
            <a href={kind === 'overdue' ? to('schedules') : to('type', { type })}>
              {visible(shortened(subject))}
            </a>
          )}{' '}
          {text}
        </li>
      ))}
      {of.length > MOST_WARNINGS && <li>and {of.length - MOST_WARNINGS} more</li>}
    </ul>
  )
}

function Types({ rows }: { rows: readonly TypeRow[] }) {
  return (
    <div class="scroll">
      <table class="types">
        <caption class="hidden">Types</caption>
        <thead>
          <tr>
            <th scope="col">Type</th>
            <th scope="col" class="n">
              Lag
            </th>
            <th scope="col">Last hour</th>
            <th scope="col" class="n wide">
              Pending
            </th>
            <th scope="col" class="n wide">
              Blocked
            </th>
            <th scope="col" class="n wide">
              Active
            </th>
            <th scope="col" class="n">
              Failed
            </th>
            <th scope="col" class="n wide" title="Completed in the last five minutes">
              Per minute
            </th>
            <th scope="col" class="n wide">
              p95 run
            </th>
            <th scope="col" class="n wide">
              p95 wait
            </th>
            <th scope="col" class="n wide">
              Workers
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Type key={row.type} row={row} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Type({ row }: { row: TypeRow }) {
  const lag = lagOf(row, useNow())
  const { type } = row
  const rate = rateOf(row.completed)
  return (
    <tr>
      <th scope="row">
        <TypeLink type={type} />
        {row.isPaused && <span class="status paused">paused</span>}
      </th>
      <td class={`n ${toneOfLag(lag) ?? ''}`}>{lag < 1000 ? <span class="zero">0</span> : length(lag)}</td>
      <td>
        <Spark completed={row.completed} failures={row.failures} />
      </td>
      <td class="n wide">
        <a href={to('jobs', { type, status: 'pending' })}>
          <Number of={row.pending} />
        </a>
      </td>
      <td class="n wide">
        <Number of={row.blocked} />
      </td>
      <td class="n wide">
        <a href={to('jobs', { type, status: 'active' })}>
          <Number of={row.active} />
        </a>
      </td>
      <td class="n">
        <a href={to('failures', { type })}>
          <Number of={row.failed} tone="bad" />
        </a>
      </td>
      <td class="n wide">{rate === 0 ? <span class="zero">0</span> : perMinute(rate)}</td>
      <td class="n wide">{length(row.p95RunMs)}</td>
      <td class="n wide">{length(row.p95WaitMs)}</td>
      <td class={`n wide ${row.workers === 0 && row.due.count > 0 ? 'bad' : ''}`}>
        {row.workers === 0 ? <span class="zero">0</span> : row.workers}
      </td>
    </tr>
  )
}
