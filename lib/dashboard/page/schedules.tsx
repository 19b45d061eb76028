/** Schedules: in words, what comes next, and whether they came. */
import { useState } from 'preact/hooks'
import type { ScheduleRow } from '../wire'
import { act } from './api'
import { inWords } from './cron'
import { shortened, visible } from './format'
import { Ago, Button, Dialog, Time, Trouble, TypeLink, useNow } from './parts'
import { useMay, useShared } from './state'

const OVERDUE_MS = 15_000

export function Schedules() {
  const { live } = useShared()
  if (live.schedules.length === 0) {
    return (
      <>
        <h1>No schedules</h1>
        <p class="lead">A schedule makes a job at each of its times, as long as any worker is running.</p>
        <pre class="code">
          {
            "await queue.schedule('nightly-report', { cron: '30 2 * * *', timezone: 'Europe/Berlin' }, { type: 'report', data: {} })"
          }
        </pre>
      </>
    )
  }
  return (
    <>
      <h1 class="hidden">Schedules</h1>
      <div class="scroll">
        <table class="stack">
          <caption class="hidden">Schedules</caption>
          <thead>
            <tr>
              <th scope="col">Schedule</th>
              <th scope="col">Comes</th>
              <th scope="col">Next</th>
              <th scope="col" class="wide">
                Last
              </th>
              <th scope="col" class="wide">
                If late, if busy
              </th>
              <th scope="col">
                <span class="hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {live.schedules.map((schedule) => (
              <Row key={schedule.id} schedule={schedule} />
            ))}
          </tbody>
        </table>
      </div>
    </>
  )
}

function Row({ schedule }: { schedule: ScheduleRow }) {
  const now = useNow()
  const { id, type, status, cron, timezone, nextAt, lastAt, owner, overlap, missed, next } = schedule
  const isOverdue = status === 'running' && nextAt !== null && nextAt < now - OVERDUE_MS
  return (
    <tr class="tall">
      <th scope="row">
        <span title={id}>{visible(shortened(id))}</span>{' '}
        {status !== 'running' && <span class="status paused">{status}</span>}
        <div class="faint">
          <TypeLink type={type} /> {owner && `· ${owner}`}
        </div>
      </th>
      <td>
        {inWords(schedule)}
        {cron !== null && (
          <div class="faint">
            <code>{cron}</code> {timezone}
          </div>
        )}
      </td>
      <td>
        {isOverdue ? (
          <span class="bad">
            overdue since <Time at={nextAt} />
          </span>
        ) : (
          nextAt !== null && (
            <details>
              <summary>
                <Time at={nextAt} />{' '}
                <span class="faint">
                  <Ago at={nextAt} />
                </span>
              </summary>
              <ol class="plain">
                {next.map((at) => (
                  <Occurrence key={at} schedule={schedule} at={at} />
                ))}
              </ol>
            </details>
          )
        )}
      </td>
      <td class="wide">
        <Ago at={lastAt} />
      </td>
      <td class="wide faint">
        {missed}, {overlap}
      </td>
      <td>
        <Actions schedule={schedule} />
      </td>
    </tr>
  )
}

/** One that is to come, and can be left out. */
function Occurrence({ schedule: { id, skipped }, at }: { schedule: ScheduleRow; at: number }) {
  const { queue, refresh } = useShared()
  const may = useMay()
  const [error, setError] = useState<Error | null>(null)
  const skip = () => {
    setError(null)
    act({ action: 'skip-occurrence', id, at, queue }).then(refresh, setError)
  }
  const isSkipped = skipped.includes(at)
  return (
    <li class={isSkipped ? 'skipped' : ''}>
      <Time at={at} />{' '}
      {!isSkipped && may('skip-occurrence') && (
        <Button class="small" aria-label={`Skip ${id} at ${new Date(at).toISOString()}`} onClick={skip}>
          Skip
        </Button>
      )}
      <Trouble error={error} />
    </li>
  )
}

function Actions({ schedule: { id, status } }: { schedule: ScheduleRow }) {
  const { queue, refresh } = useShared()
  const may = useMay()
  const [note, setNote] = useState('')
  const [error, setError] = useState<Error | null>(null)
  const [isAsking, setAsking] = useState(false)
  const run = async (action: string) => {
    setError(null)
    try {
      const reply = await act({ action, id, queue })
      setNote(reply.status === 'duplicate' ? 'a job of it is outstanding' : reply.status)
      setAsking(false)
      refresh()
    } catch (failure) {
      setError(failure as Error)
    }
  }
  return (
    <div class="actions">
      <span class="faint" aria-live="polite">
        {note}
      </span>
      {may('trigger-schedule') && (
        <Button aria-label={`Run now ${id}`} onClick={() => void run('trigger-schedule')}>
          Run now
        </Button>
      )}
      {status === 'running' && may('pause-schedule') && (
        <Button aria-label={`Pause ${id}`} onClick={() => void run('pause-schedule')}>
          Pause
        </Button>
      )}
      {status === 'paused' && may('resume-schedule') && (
        <Button aria-label={`Resume ${id}`} tone="main" onClick={() => void run('resume-schedule')}>
          Resume
        </Button>
      )}
      {may('unschedule') && (
        <Button aria-label={`Remove ${id}`} onClick={() => setAsking(true)}>
          Remove
        </Button>
      )}
      {!isAsking && <Trouble error={error} />}
      {isAsking && (
        <Dialog title={`Remove the schedule ${visible(shortened(id))}?`} onClose={() => setAsking(false)}>
          <p>
            It does not come any more. Jobs that it has made stay. An app that names it at its next start
            makes it again.
          </p>
          <Trouble error={error} />
          <footer>
            <Button onClick={() => setAsking(false)}>Back</Button>
            <Button tone="danger" onClick={() => void run('unschedule')}>
              Remove
            </Button>
          </footer>
        </Dialog>
      )}
    </div>
  )
}
