/** The record of actions: operator, action, time and result. */
import { useState } from 'preact/hooks'
import type { ActionList, ActionRow } from '../wire'
import { get } from './api'
import { visible } from './format'
import { Button, Empty, JobLink, Time, Trouble, TypeLink } from './parts'
import { to, usePolled, useShared } from './state'

export function Actions() {
  const { queue } = useShared()
  // The last action of each page before this one.
  const [places, setPlaces] = useState<readonly string[]>([])
  const before = places.at(-1) ?? ''
  const { value, error } = usePolled(
    `actions ${queue} ${before}`,
    () => get<ActionList>('actions', { queue, before }),
    before ? null : 3000,
  )
  if (value === null) return error ? <Trouble error={error} /> : <Empty>Loading…</Empty>
  const { actions, next } = value
  if (actions.length === 0) {
    return (
      <>
        <h1>No actions</h1>
        <Empty>Actions taken here or by the command “durabl” are listed for ninety days.</Empty>
      </>
    )
  }
  return (
    <>
      <h1 class="hidden">Actions</h1>
      <Trouble error={error} />
      <div class="scroll">
        <table class="stack">
          <caption class="hidden">Actions</caption>
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">Who</th>
              <th scope="col">What</th>
              <th scope="col">Result</th>
            </tr>
          </thead>
          <tbody>
            {actions.map((action) => (
              <tr key={action.id}>
                <td>
                  <Time at={action.at} />
                </td>
                <td>{action.by === null ? <span class="faint">–</span> : visible(action.by)}</td>
                <td>
                  {visible(action.action)} <Target of={action} />
                </td>
                <td class="faint">{resultOf(action.note)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div class="pager">
        {places.length > 0 && <Button onClick={() => setPlaces(places.slice(0, -1))}>Newer</Button>}
        {next !== null && <Button onClick={() => setPlaces([...places, next])}>Older</Button>}
      </div>
    </>
  )
}

const ON_TYPES = ['pause', 'resume']

function Target({ of: { action, target } }: { of: ActionRow }) {
  if (target === null) return null
  if (ON_TYPES.includes(action)) return <TypeLink type={target} />
  if (/schedule$|^skip/.test(action) && action !== 'reschedule') {
    return (
      <a class="type" href={to('schedules')}>
        {visible(target)}
      </a>
    )
  }
  const many = fieldsOf(target)
  if (many === null) return <JobLink id={target} />
  const { ids } = many
  return (
    <span class="faint">
      {Array.isArray(ids)
        ? `${ids.length} jobs`
        : Object.entries(many)
            .map(
              ([name, value]) =>
                `${name} ${visible(typeof value === 'string' ? value : JSON.stringify(value))}`,
            )
            .join(', ')}
    </span>
  )
}

/** Of a record that is JSON; null for any other. */
function fieldsOf(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}

function resultOf(note: string | null): string {
  const fields = note === null ? null : fieldsOf(note)
  if (fields === null) return visible(note ?? '')
  const { status, changed, matched } = fields
  return typeof changed === 'number' ? `${changed} of ${String(matched)}` : String(status)
}
