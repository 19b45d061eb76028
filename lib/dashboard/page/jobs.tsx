/** Jobs of a status: looked through page by page, chosen, and acted on. */
import { useEffect, useState } from 'preact/hooks'
import type { JobFilter, JobList, JobRow } from '../wire'
import { get } from './api'
import { Bulk, VERBS, verbsFor } from './bulk'
import type { Target, Verb } from './bulk'
import { length, visible, whole } from './format'
import { Button, Choice, Empty, JobLink, Status, Time, Trouble, TypeChoice, TypeLink, useNow } from './parts'
import { to, useMay, usePolled, useShared } from './state'

const STATUSES = [
  ['pending', 'Pending'],
  ['active', 'Active'],
  ['completed', 'Completed'],
  ['failed', 'Failed'],
  ['superseded', 'Superseded'],
] as const

type StatusName = (typeof STATUSES)[number][0]

export function Jobs({ params }: { params: URLSearchParams }) {
  const of = (name: string) => params.get(name) ?? ''
  const filter = {
    ...{ status: (of('status') || 'pending') as StatusName, type: of('type'), dedupeKey: of('key') },
    ...{ path: of('path'), value: of('value') },
  }
  const change = (changed: Partial<typeof filter>) => {
    const { status, type, dedupeKey, path, value } = { ...filter, ...changed }
    location.hash = to('jobs', { status, type, key: dedupeKey, path, value: path && value })
  }
  return (
    <>
      <h1 class="hidden">Jobs</h1>
      <div class="bar">
        <Choice
          label="Status"
          value={filter.status}
          options={STATUSES}
          onChange={(status) => change({ status })}
        />
        <TypeChoice value={filter.type} onChange={(type) => change({ type })} />
        <Search key={JSON.stringify(filter)} filter={filter} onChange={change} />
      </div>
      <Found key={JSON.stringify(filter)} filter={filter} />
    </>
  )
}

type Searched = Required<Pick<JobFilter, 'dedupeKey' | 'path' | 'value'>>

function Search({ filter, onChange }: { filter: Searched; onChange: (filter: Searched) => void }) {
  const [key, setKey] = useState(filter.dedupeKey)
  const [path, setPath] = useState(filter.path)
  const [value, setValue] = useState(filter.value)
  const isSet = Boolean(filter.dedupeKey || filter.path)
  return (
    <form
      class="search"
      role="search"
      onSubmit={(event) => {
        event.preventDefault()
        onChange({ dedupeKey: key, path, value })
      }}
    >
      <label class="field">
        <span>Dedupe key</span>
        <input value={key} onInput={(event) => setKey(event.currentTarget.value)} placeholder="any" />
      </label>
      <label class="field">
        <span>Payload field</span>
        <input
          class="mono"
          value={path}
          onInput={(event) => setPath(event.currentTarget.value)}
          placeholder="userId"
        />
      </label>
      <label class="field">
        <span>equals</span>
        <input
          class="mono"
          value={value}
          onInput={(event) => setValue(event.currentTarget.value)}
          placeholder="u_123"
          title="A number, true, false or null is taken as such; put it in quotes for a string"
        />
      </label>
      <button class="button" type="submit">
        Find
      </button>
      {isSet && <Button onClick={() => onChange({ dedupeKey: '', path: '', value: '' })}>Clear</Button>}
    </form>
  )
}

function Found({ filter }: { filter: JobFilter }) {
  const { queue } = useShared()
  const may = useMay()
  const [more, setMore] = useState<readonly JobList[]>([])
  const [error, setError] = useState<Error | null>(null)
  const [isLoading, setLoading] = useState(false)
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const [bulk, setBulk] = useState<{ verb: Verb; target: Target; what: string } | null>(null)
  const { status, type, dedupeKey: key, path, value } = filter
  const ask = (after?: string | null) =>
    get<JobList>('jobs', { queue, status, type, key, path, value: path ? value : '', after })
  // A list that a user works with stays as it is.
  const isStill = more.length > 0 || chosen.size > 0 || bulk !== null || Boolean(path)
  const first = usePolled(JSON.stringify([queue, filter]), () => ask(), isStill ? null : 3000)
  useEffect(() => setChosen(new Set()), [queue])

  if (first.value === null) return first.error ? <Trouble error={first.error} /> : <Empty>Loading…</Empty>
  const pages = [first.value, ...more]
  const jobs = pages.flatMap((page) => page.jobs)
  const last = pages[pages.length - 1] as JobList
  const verbs = verbsFor(status).filter(may)

  const loadMore = async () => {
    setLoading(true)
    try {
      const page = await ask(last.next)
      setMore([...more, page])
      setError(null)
    } catch (failure) {
      setError(failure as Error)
    }
    setLoading(false)
  }
  const choose = (id: string, isChosen: boolean) => {
    const next = new Set(chosen)
    if (isChosen) next.add(id)
    else next.delete(id)
    setChosen(next)
  }
  const isAll = jobs.length > 0 && chosen.size === jobs.length
  const begin = (verb: Verb) =>
    setBulk(
      chosen.size > 0
        ? { verb, target: { ids: [...chosen], filter: { status } }, what: `${whole(chosen.size)} chosen` }
        : { verb, target: { filter }, what: `all ${status} jobs that match` },
    )
  return (
    <>
      {verbs.length > 0 && jobs.length > 0 && (
        <div class="actions">
          <span>{chosen.size > 0 ? `${whole(chosen.size)} chosen` : 'All that match'}</span>
          {verbs.map((verb) => (
            <Button key={verb} onClick={() => begin(verb)}>
              {VERBS[verb]}
              {chosen.size === 0 && ' all…'}
            </Button>
          ))}
          {chosen.size > 0 && <Button onClick={() => setChosen(new Set())}>Choose none</Button>}
        </div>
      )}
      {jobs.length === 0 ? (
        <Empty>{nothing(last, status)}</Empty>
      ) : (
        <Rows
          jobs={jobs}
          status={status}
          canChoose={verbs.length > 0}
          chosen={chosen}
          isAll={isAll}
          onChoose={choose}
          onAll={() => setChosen(new Set(isAll ? [] : jobs.map(({ id }) => id)))}
        />
      )}
      <Trouble error={error ?? first.error} />
      {last.next !== null && (
        <p class="more">
          <Button disabled={isLoading} onClick={() => void loadMore()}>
            {isLoading ? 'Loading…' : last.status === 'stopped' ? 'Look further' : 'Show more'}
          </Button>
          {last.status === 'stopped' && (
            <span class="faint">{whole(sumOf(pages))} jobs were looked at so far.</span>
          )}
        </p>
      )}
      {bulk !== null && (
        <Bulk
          {...bulk}
          onClose={(hasChanged) => {
            setBulk(null)
            if (!hasChanged) return
            setChosen(new Set())
            setMore([])
            first.refresh()
          }}
        />
      )}
    </>
  )
}

const sumOf = (pages: readonly JobList[]) => pages.reduce((sum, { looked }) => sum + looked, 0)

function nothing({ status, next }: JobList, wanted: string): string {
  if (status === 'stopped' && next !== null) return 'None of the newest jobs matches.'
  return `There are no ${wanted} jobs that match.`
}

function Rows(props: {
  jobs: readonly JobRow[]
  status: string
  canChoose: boolean
  chosen: ReadonlySet<string>
  isAll: boolean
  onChoose: (id: string, isChosen: boolean) => void
  onAll: () => void
}) {
  const { jobs, status, canChoose, chosen, isAll, onChoose, onAll } = props
  const now = useNow()
  return (
    <div class="scroll">
      <table class="jobs">
        <caption class="hidden">Jobs, {status}</caption>
        <thead>
          <tr>
            {canChoose && (
              <th scope="col" class="check">
                <input type="checkbox" aria-label="Choose all shown" checked={isAll} onChange={onAll} />
              </th>
            )}
            <th scope="col">Job</th>
            <th scope="col">Type</th>
            <th scope="col">{WHEN[status] ?? 'Ended'}</th>
            <th scope="col" class="n">
              Attempt
            </th>
            <th scope="col" class="wide">
              Key
            </th>
            <th scope="col">{status === 'active' ? 'Worker' : status === 'failed' ? 'Reason' : 'State'}</th>
          </tr>
        </thead>
        <tbody>
          {jobs.map((job) => (
            <tr key={job.id} class={chosen.has(job.id) ? 'chosen' : ''}>
              {canChoose && (
                <td class="check">
                  <input
                    type="checkbox"
                    aria-label={`Choose ${job.id}`}
                    checked={chosen.has(job.id)}
                    onChange={(event) => onChoose(job.id, event.currentTarget.checked)}
                  />
                </td>
              )}
              <td class="job-id">
                <JobLink id={job.id} />
              </td>
              <td class="job-type">
                <TypeLink type={job.type} />
              </td>
              <td class="when">
                <Time at={whenOf(job)} />
              </td>
              <td class="n">
                {job.attempt}/{job.maxAttempts}
              </td>
              <td class="wide mono cut" title={job.dedupeKey ?? ''}>
                {job.dedupeKey !== null && visible(job.dedupeKey)}
              </td>
              <td class="cut state" title={job.failReason ?? ''}>
                <Last job={job} now={now} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

const WHEN: Readonly<Record<string, string>> = { pending: 'Due', active: 'Claimed' }

const whenOf = ({ status, runAt, claimedAt, endedAt }: JobRow) =>
  status === 'pending' ? runAt : status === 'active' ? claimedAt : endedAt

function Last({ job, now }: { job: JobRow; now: number }) {
  if (job.status === 'active') return <span class="mono">{job.worker ?? '–'}</span>
  if (job.status === 'failed') {
    return (
      <>
        {job.ending !== 'exhausted' && <Status status="failed" ending={job.ending} />}{' '}
        {visible(job.failReason ?? '')}
      </>
    )
  }
  if (job.status !== 'pending') return <Status status={job.status} ending={job.ending} />
  const lag = now - (job.runAt ?? now)
  if (job.failReason !== null) return <>retry after: {visible(job.failReason)}</>
  return lag > 0 ? <span class="faint">due for {length(lag)}</span> : <span class="faint">scheduled</span>
}
