/** One job: what happened to it, what it carries, and what can be done about it. */
import { useState } from 'preact/hooks'
import type { ActReply, ActRequest, JobPage } from '../wire'
import { ApiError, act, get } from './api'
import { VERBS, verbsFor } from './bulk'
import type { Verb } from './bulk'
import { bytes, shortened, visible } from './format'
import { Button, Copy, Dialog, Empty, JobLink, Status, Time, Trouble, TypeLink } from './parts'
import { to, useMay, usePolled, useShared } from './state'
import { Reschedule } from './reschedule'
import { Timeline } from './timeline'

export function Job({ id }: { id: string }) {
  const { queue } = useShared()
  const [isWhole, setWhole] = useState(false)
  const ask = () => get<JobPage>('job', { queue, id, whole: isWhole ? '1' : '' })
  const polled = usePolled(JSON.stringify([queue, id, isWhole]), ask, isWhole ? null : 3000)
  const { value: job, error } = polled
  if (error instanceof ApiError && error.status === 404) {
    return (
      <>
        <h1>No such job</h1>
        <Empty>
          No job has the id <code>{id}</code>. It may have been removed.
        </Empty>
      </>
    )
  }
  if (job === null) return error ? <Trouble error={error} /> : <Empty>Loading…</Empty>
  return (
    <article class="job">
      <header class="head">
        <div>
          <h1 class="mono">{visible(job.id)}</h1>
          <p class="lead">
            <Status status={job.status} ending={job.ending} /> <TypeLink type={job.type} />
            {job.cancelRequestedAt !== null && job.status === 'active' && (
              <span class="status paused">asked to stop</span>
            )}
          </p>
        </div>
        <Actions job={job} onDone={polled.refresh} />
      </header>
      <Trouble error={error} />
      <div class="columns">
        <section aria-label="What happened">
          <h2>What happened</h2>
          <Timeline job={job} />
          <Logs job={job} />
        </section>
        <section aria-label="Contents">
          <Facts job={job} />
          <Payload title="Payload" of={job.data} onWhole={() => setWhole(true)} />
          {job.progress && <Payload title="Progress" of={job.progress} onWhole={() => setWhole(true)} />}
          {job.result && <Payload title="Result" of={job.result} onWhole={() => setWhole(true)} />}
          <Copy text={asCode(job)}>Copy as code</Copy>
        </section>
      </div>
    </article>
  )
}

function Facts({ job }: { job: JobPage }) {
  const facts: [string, preact.ComponentChildren][] = [
    ['Attempt', `${job.attempt} of ${job.maxAttempts}`],
    ['Priority', job.priority],
  ]
  if (job.dedupeKey !== null) {
    facts.push([
      'Dedupe key',
      <>
        <a class="mono" href={to('jobs', { status: job.status, type: job.type, key: job.dedupeKey })}>
          {visible(job.dedupeKey)}
        </a>{' '}
        <span class="faint">{job.dedupeScope}</span>
      </>,
    ])
  }
  if (job.holder !== null) facts.push(['Waits for', <JobLink id={job.holder} />])
  if (job.worker !== null) facts.push(['Worker', <span class="mono">{job.worker}</span>])
  if (job.schedule !== null) {
    facts.push([
      'Schedule',
      <>
        <a href={to('schedules')}>{visible(shortened(job.schedule.id))}</a>{' '}
        <Time at={job.schedule.occurrenceAt} />
      </>,
    ])
  }
  if (job.expiresAt !== null) facts.push(['Expires', <Time at={job.expiresAt} />])
  if (job.traceId !== null) facts.push(['Trace', <span class="mono">{job.traceId}</span>])
  if (job.timeoutMs !== null) facts.push(['Time-out', `${job.timeoutMs} ms`])
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

function Payload({ title, of, onWhole }: { title: string; of: JobPage['data']; onWhole: () => void }) {
  return (
    <>
      <h2>
        {title} <span class="faint">{bytes(of.bytes)}</span>
      </h2>
      <pre class="code" tabIndex={0}>
        {of.text}
        {of.isCut && '…'}
      </pre>
      {of.isCut && <Button onClick={onWhole}>Load all {bytes(of.bytes)}</Button>}
    </>
  )
}

function Logs({ job }: { job: JobPage }) {
  if (job.logs.length === 0) return null
  return (
    <>
      <h2>
        Log <span class="faint">{job.logs.length}</span>
      </h2>
      <ol class="log" tabIndex={0}>
        {job.logs.map(({ at, message }, index) => (
          <li key={index}>
            <Time at={at} /> <span class="mono">{visible(message)}</span>
          </li>
        ))}
      </ol>
    </>
  )
}

const DONE: Readonly<Record<string, string>> = {
  retried: 'It is pending again.',
  promoted: 'It is due now.',
  rescheduled: 'It has its new time.',
  cancelled: 'It was cancelled.',
  requested: 'Its worker was asked to stop it.',
  'held-by-schedule': 'It stays for now: its schedule has not passed it yet, and would make it again.',
  'not-found': 'It no longer exists.',
}

function said(reply: ActReply): string {
  if (reply.status === 'key-held') return `Its key is held by the job ${reply.id}.`
  if (reply.status === 'wrong-status') return `It is ${reply.jobStatus} by now.`
  if (reply.status === 'already-terminal') return `It had already ended: ${reply.terminalStatus}.`
  return DONE[reply.status] ?? reply.status
}

function Actions({ job, onDone }: { job: JobPage; onDone: () => void }) {
  const { queue, meta, refresh } = useShared()
  const may = useMay()
  const [note, setNote] = useState('')
  const [error, setError] = useState<Error | null>(null)
  const [asks, setAsks] = useState<Verb | 'edit' | 'reschedule' | null>(null)
  const run = async (request: Omit<ActRequest, 'queue'>) => {
    setError(null)
    try {
      const reply = await act({ ...request, id: job.id, queue })
      setAsks(null)
      if (reply.status === 'removed') {
        location.hash = to('jobs', { status: job.status, type: job.type })
        return
      }
      setNote(said(reply))
      onDone()
      refresh()
    } catch (failure) {
      setError(failure as Error)
    }
  }
  const verbs = verbsFor(job.status).filter(may)
  return (
    <div class="actions">
      <span aria-live="polite">{note}</span>
      {verbs.map((verb) => (
        <Button
          key={verb}
          tone={verb === 'retry' ? 'main' : ''}
          onClick={() =>
            verb === 'retry' || verb === 'promote' ? void run({ action: verb }) : setAsks(verb)
          }
        >
          {VERBS[verb]}
        </Button>
      ))}
      {verbs.includes('retry') && meta.canEdit && (
        <Button onClick={() => setAsks('edit')}>Retry with other data…</Button>
      )}
      {job.status === 'pending' && may('reschedule') && (
        <Button onClick={() => setAsks('reschedule')}>Reschedule…</Button>
      )}
      {asks === null && <Trouble error={error} />}
      {(asks === 'remove' || asks === 'cancel') && (
        <Dialog
          title={asks === 'remove' ? 'Remove this job?' : 'Cancel this job?'}
          onClose={() => setAsks(null)}
        >
          <p>
            {asks === 'remove'
              ? 'It is deleted, with its payload and log.'
              : job.status === 'active'
                ? 'Its handler’s signal is aborted. The job ends when the handler does.'
                : 'It ends as cancelled, and does not run.'}
          </p>
          <Trouble error={error} />
          <footer>
            <Button onClick={() => setAsks(null)}>Back</Button>
            <Button tone="danger" onClick={() => void run({ action: asks })}>
              {asks === 'remove' ? 'Remove' : 'Cancel the job'}
            </Button>
          </footer>
        </Dialog>
      )}
      {asks === 'reschedule' && (
        <Reschedule
          job={job}
          error={error}
          onClose={() => setAsks(null)}
          onRun={(change) => void run({ action: 'reschedule', ...change })}
        />
      )}
      {asks === 'edit' && (
        <Edit
          job={job}
          error={error}
          onClose={() => setAsks(null)}
          onRun={(data) => void run({ action: 'retry', data })}
        />
      )}
    </div>
  )
}

function Edit(props: {
  job: JobPage
  error: Error | null
  onClose: () => void
  onRun: (data: string) => void
}) {
  const { job, error, onClose, onRun } = props
  const { queue } = useShared()
  const [text, setText] = useState(job.data.text)
  const whole = usePolled(
    `edit ${job.id}`,
    () => get<JobPage>('job', { queue, id: job.id, whole: '1' }),
    null,
  )
  const [isLoaded, setLoaded] = useState(!job.data.isCut)
  if (!isLoaded && whole.value !== null) {
    setText(whole.value.data.text)
    setLoaded(true)
  }
  return (
    <Dialog title="Retry with other data" wide onClose={onClose}>
      <label class="field">
        <span>Payload, as EJSON</span>
        <textarea
          class="mono"
          rows={16}
          spellcheck={false}
          value={text}
          disabled={!isLoaded}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      {job.data.hasMasked && <p class="faint">A field that says “(masked)” keeps its value.</p>}
      <Trouble error={error} />
      <footer>
        <Button onClick={onClose}>Back</Button>
        <Button tone="main" disabled={!isLoaded} onClick={() => onRun(text)}>
          Retry
        </Button>
      </footer>
    </Dialog>
  )
}

/** A call that makes a job like this one. */
function asCode({ type, data, priority, maxAttempts, dedupeKey, dedupeScope }: JobPage): string {
  const options = JSON.stringify(
    { priority, maxAttempts, ...(dedupeKey !== null && { dedupeKey, dedupeScope }) },
    null,
    2,
  )
  const isExtended = /"\$\w+":/.test(data.text)
  const payload = isExtended ? `EJSON.parse(${JSON.stringify(data.text)}, { relaxed: false })` : data.text
  return `await queue.enqueue(${JSON.stringify(type)}, ${payload}, ${options})\n`
}
