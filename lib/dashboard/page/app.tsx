/** The page: its frame, and the page within it that the address names. */
import { Component, render } from 'preact'
import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Actions } from './actions'
import { ApiError } from './api'
import { Failures } from './failures'
import { Job } from './job'
import { Jobs } from './jobs'
import { Overview } from './overview'
import { Choice } from './parts'
import { Schedules } from './schedules'
import { SharedContext, to, useKept, useLive, useMeta, useRoute } from './state'
import type { Route, Zone } from './state'
import { Type } from './type'
import { Workers } from './workers'

const PAGES = [
  ['overview', 'Overview'],
  ['jobs', 'Jobs'],
  ['failures', 'Failures'],
  ['schedules', 'Schedules'],
  ['workers', 'Workers'],
  ['actions', 'Actions'],
] as const

/** The tab of a page that has none. */
const TAB: Readonly<Record<string, string>> = { type: 'overview', job: 'jobs' }

function Page({ route: { page, params } }: { route: Route }) {
  const of = (name: string) => params.get(name) ?? ''
  switch (page) {
    case 'overview':
      return <Overview />
    case 'type':
      return <Type key={of('type')} type={of('type')} />
    case 'jobs':
      return <Jobs params={params} />
    case 'job':
      return <Job key={of('id')} id={of('id')} />
    case 'failures':
      return <Failures params={params} />
    case 'schedules':
      return <Schedules />
    case 'actions':
      return <Actions />
    case 'workers':
      return <Workers />
    default:
      return <h1>There is no such page</h1>
  }
}

type Theme = 'auto' | 'light' | 'dark'

function App() {
  const route = useRoute()
  const [zone, setZone] = useKept<Zone>('zone', 'local')
  const [theme, setTheme] = useKept<Theme>('theme', 'auto')
  const [queueKept, setQueue] = useKept<string>('queue', '')
  const { value: meta, error: metaError } = useMeta()
  const queue = meta === null || meta.queues.includes(queueKept) ? queueKept : ''
  const live = useLive(queue)
  useEffect(() => {
    document.documentElement.dataset.theme = theme
  }, [theme])
  useEffect(() => {
    if (meta) document.title = meta.badge ? `${meta.title} · ${meta.badge}` : meta.title
  }, [meta])
  const error = live.error ?? metaError
  if (meta === null || live.value === null) return <Beginning error={error} />
  const shared = { meta, live: live.value, queue, zone, refresh: live.refresh }
  const tab = TAB[route.page] ?? route.page
  return (
    <SharedContext.Provider value={shared}>
      <a class="skip" href="#main">
        To the content
      </a>
      <header class="top">
        <a class="brand" href={to('overview')}>
          {meta.title}
          {meta.badge && <span class="badge">{meta.badge}</span>}
        </a>
        <nav aria-label="Pages">
          {PAGES.filter(([page]) => page !== 'actions' || meta.seesActions).map(([page, name]) => (
            <a key={page} href={to(page)} aria-current={page === tab ? 'page' : undefined}>
              {name}
            </a>
          ))}
        </nav>
        <Finder />
        {meta.queues.length > 1 && (
          <label class="queues">
            <span class="hidden">Queue</span>
            <select value={queue || meta.queues[0]} onChange={(event) => setQueue(event.currentTarget.value)}>
              {meta.queues.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
        )}
      </header>
      <Outage error={error} />
      <main id="main" tabIndex={-1} class={error === null ? '' : 'stale'}>
        <Fence key={location.hash}>
          <Page route={route} />
        </Fence>
      </main>
      <footer class="bottom">
        <Choice
          label="Times"
          value={zone}
          options={[
            ['local', 'Local'],
            ['utc', 'UTC'],
          ]}
          onChange={setZone}
        />
        <Choice
          label="Colours"
          value={theme}
          options={[
            ['auto', 'Auto'],
            ['light', 'Light'],
            ['dark', 'Dark'],
          ]}
          onChange={setTheme}
        />
        <span class="faint">
          {meta.user && `${meta.user} · `}
          {meta.actions.length === 0 && 'read only · '}durabl {meta.version}
        </span>
      </footer>
    </SharedContext.Provider>
  )
}

/** Goes to a job by its id. The key `/` leads to it. */
function Finder() {
  const [id, setId] = useState('')
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const isTyping = event.target instanceof HTMLElement && event.target.matches('input, textarea, select')
      if (event.key !== '/' || isTyping || event.ctrlKey || event.metaKey) return
      event.preventDefault()
      document.getElementById('finder')?.focus()
    }
    addEventListener('keydown', pressed)
    return () => removeEventListener('keydown', pressed)
  }, [])
  return (
    <form
      class="finder"
      onSubmit={(event) => {
        event.preventDefault()
        if (id.trim()) location.hash = to('job', { id: id.trim() })
        setId('')
      }}
    >
      <label>
        <span class="hidden">Job id</span>
        <input
          id="finder"
          class="mono"
          value={id}
          onInput={(event) => setId(event.currentTarget.value)}
          placeholder="job id  /"
          autocomplete="off"
        />
      </label>
    </form>
  )
}

function Outage({ error }: { error: Error | null }) {
  return (
    <div role="status" class={error === null ? '' : 'outage'}>
      {error !== null && `${reasonOf(error)} What you see is from before. Trying again…`}
    </div>
  )
}

function reasonOf(error: Error): string {
  if (!(error instanceof ApiError)) return 'The server does not answer.'
  return `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`
}

function Beginning({ error }: { error: Error | null }) {
  return (
    <main>
      <p class={error === null ? 'empty' : 'trouble'} role={error === null ? 'status' : 'alert'}>
        {error === null ? 'Loading…' : `${reasonOf(error)} Trying again…`}
      </p>
    </main>
  )
}

/** A mistake in one page leaves the frame. */
class Fence extends Component<{ children: ComponentChildren }, { error: Error | null }> {
  override state = { error: null as Error | null }
  override componentDidCatch(error: Error) {
    this.setState({ error })
  }
  render() {
    const { error } = this.state
    if (error === null) return this.props.children
    return (
      <p class="trouble" role="alert">
        This page has a mistake: {error.message}
      </p>
    )
  }
}

const root = document.getElementById('root')
if (root !== null) render(<App />, root)
