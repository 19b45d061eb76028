/** One type: a day of it, and what can be done about all of it. */
import { useState } from 'preact/hooks'
import type { History } from '../wire'
import { act, get } from './api'
import { Bars, Lines } from './charts'
import { length, short, visible } from './format'
import { Groups } from './failures'
import { lagOf, sum, toneOfLag, Warnings } from './overview'
import { Button, Dialog, Empty, Number, Tile, Trouble, useNow } from './parts'
import { to, useMay, usePolled, useShared } from './state'

export function Type({ type }: { type: string }) {
  const { live, queue, zone } = useShared()
  const row = live.types.find((one) => one.type === type)
  const day = usePolled(`day ${queue} ${type}`, () => get<History>('history', { queue, type }), 30_000)
  const now = useNow()
  if (row === undefined) {
    return (
      <>
        <h1>{visible(type)}</h1>
        <Empty>There are no jobs of this type, and no worker that has a processor for it.</Empty>
      </>
    )
  }
  const lag = lagOf(row, now)
  const { value: seen } = day
  return (
    <>
      <header class="head">
        <h1>
          {visible(type)} {row.isPaused && <span class="status paused">paused</span>}
        </h1>
        <PauseButton type={type} isPaused={row.isPaused} />
      </header>
      <Warnings of={live.warnings.filter((warning) => warning.type === type)} />
      <section class="tiles" aria-label="Numbers of this type">
        <Tile
          label="Lag"
          value={lag < 1000 ? 'none' : length(lag)}
          tone={toneOfLag(lag) ?? 'calm'}
          note="of the oldest due job"
        />
        <Tile
          label="Pending"
          value={<Number of={row.pending} />}
          note={`${short(row.due.count)} due`}
          href={to('jobs', { type, status: 'pending' })}
        />
        <Tile label="Blocked" value={<Number of={row.blocked} />} note="by a held key" />
        <Tile
          label="Active"
          value={<Number of={row.active} />}
          note={`of ${short(row.slots)} slots`}
          href={to('jobs', { type, status: 'active' })}
        />
        <Tile
          label="Failed"
          value={<Number of={row.failed} />}
          note={`${short(sum(row.failures))} attempts in an hour`}
          href={to('failures', { type })}
        />
        <Tile label="p95 run" value={length(row.p95RunMs)} note="last hour" />
        <Tile label="p95 wait" value={length(row.p95WaitMs)} note="last hour" />
        <Tile
          label="Workers"
          value={row.workers}
          note={`${short(sum(row.completed))} jobs in an hour`}
          href={to('workers')}
        />
      </section>
      <Trouble error={day.error} />
      {seen !== null && seen.completed.length > 0 && (
        <section class="charts" aria-label="The last day">
          <Bars
            title="Completed and failed attempts"
            from={seen.from}
            stepMs={seen.stepMs}
            zone={zone}
            good={seen.completed}
            bad={seen.failures}
          />
          <Lines
            title="p95 of runs, and of waits (dashed)"
            from={seen.from}
            stepMs={seen.stepMs}
            zone={zone}
            lines={[
              { name: 'run', values: seen.runs, tone: 'run' },
              { name: 'wait', values: seen.waits, tone: 'wait' },
            ]}
          />
        </section>
      )}
      <h2>Failures</h2>
      <Groups type={type} />
    </>
  )
}

function PauseButton({ type, isPaused }: { type: string; isPaused: boolean }) {
  const { queue, refresh } = useShared()
  const may = useMay()
  const [isAsking, setAsking] = useState(false)
  const [reason, setReason] = useState('')
  const [error, setError] = useState<Error | null>(null)
  if (!may(isPaused ? 'resume' : 'pause')) return null
  const run = async (action: 'pause' | 'resume') => {
    try {
      await act({ action, queue, type, ...(action === 'pause' && reason && { reason }) })
      setAsking(false)
      refresh()
    } catch (failure) {
      setError(failure as Error)
    }
  }
  if (isPaused) {
    return (
      <>
        <Trouble error={error} />
        <Button tone="main" onClick={() => void run('resume')}>
          Resume
        </Button>
      </>
    )
  }
  return (
    <>
      <Button onClick={() => setAsking(true)}>Pause</Button>
      {isAsking && (
        <Dialog title={`Pause ${visible(type)}?`} onClose={() => setAsking(false)}>
          <p>Within five seconds, workers start no more jobs of this type. Running jobs go on.</p>
          <label class="field">
            <span>Reason, for other operators</span>
            <input value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
          </label>
          <Trouble error={error} />
          <footer>
            <Button onClick={() => setAsking(false)}>Back</Button>
            <Button tone="main" onClick={() => void run('pause')}>
              Pause
            </Button>
          </footer>
        </Dialog>
      )}
    </>
  )
}
