/** The dialog that gives a waiting job another time, or another place in the order. */
import { useState } from 'preact/hooks'
import type { JobPage } from '../wire'
import { fieldOf, momentOf } from './format'
import { Button, Dialog, Trouble } from './parts'
import { useShared } from './state'

interface Change {
  readonly at?: number
  readonly priority?: number
}

export function Reschedule(props: {
  job: JobPage
  error: Error | null
  onClose: () => void
  onRun: (change: Change) => void
}) {
  const { job, error, onClose, onRun } = props
  const { zone } = useShared()
  const [time, setTime] = useState(fieldOf(job.runAt ?? Date.now(), zone))
  const [priority, setPriority] = useState(String(job.priority))
  const at = momentOf(time, zone)
  const change: Change = {
    ...(at !== null && time !== fieldOf(job.runAt ?? 0, zone) && { at }),
    ...(priority !== '' && Number(priority) !== job.priority && { priority: Number(priority) }),
  }
  return (
    <Dialog title="Reschedule" onClose={onClose}>
      <label class="field">
        <span>Not before, {zone === 'utc' ? 'UTC' : 'local time'}</span>
        <input
          type="datetime-local"
          step={1}
          value={time}
          onInput={(event) => setTime(event.currentTarget.value)}
        />
      </label>
      <label class="field">
        <span>Priority: lower runs first</span>
        <input
          type="number"
          step={1}
          value={priority}
          onInput={(event) => setPriority(event.currentTarget.value)}
        />
      </label>
      <Trouble error={error} />
      <footer>
        <Button onClick={onClose}>Back</Button>
        <Button tone="main" disabled={Object.keys(change).length === 0} onClick={() => onRun(change)}>
          Reschedule
        </Button>
      </footer>
    </Dialog>
  )
}
