/** Failed jobs by what they have in common. */
import { useState } from 'preact/hooks'
import type { FailureGroup, Failures as Found } from '../wire'
import { get } from './api'
import { Bulk } from './bulk'
import type { Verb } from './bulk'
import { visible, whole } from './format'
import { Ago, Button, Empty, JobLink, Trouble, TypeChoice, TypeLink } from './parts'
import { to, useMay, usePolled, useShared } from './state'

export function Failures({ params }: { params: URLSearchParams }) {
  const type = params.get('type') ?? ''
  return (
    <>
      <h1 class="hidden">Failures</h1>
      <div class="bar">
        <TypeChoice value={type} onChange={(next) => (location.hash = to('failures', { type: next }))} />
        <a href={to('jobs', { status: 'failed', type })}>Each failed job</a>
      </div>
      <Groups type={type} />
    </>
  )
}

const SHOWN_IDS = 12

export function Groups({ type }: { type: string }) {
  const { queue } = useShared()
  const { value, error, refresh } = usePolled(
    `failures ${queue} ${type}`,
    () => get<Found>('failures', { queue, type }),
    5000,
  )
  const [bulk, setBulk] = useState<{ verb: Verb; group: FailureGroup } | null>(null)
  if (value === null) return error ? <Trouble error={error} /> : <Empty>Loading…</Empty>
  const { groups, looked, isWhole } = value
  if (groups.length === 0) return <Empty>No failed jobs. Cancelled and expired jobs are not counted.</Empty>
  const jobs = groups.reduce((sum, { count }) => sum + count, 0)
  return (
    <>
      <p class="lead">
        {jobs === 1 ? '1 failed job' : `${whole(jobs)} failed jobs`},{' '}
        {groups.length === 1 ? 'one reason' : `${groups.length} reasons`}
        {!isWhole && `, of the newest ${whole(looked)}`}
      </p>
      <Trouble error={error} />
      <ul class="groups">
        {groups.map((group) => (
          <Group
            key={`${group.type} ${group.reason}`}
            group={group}
            share={group.count / jobs}
            hasType={type === ''}
            onAct={(verb) => setBulk({ verb, group })}
          />
        ))}
      </ul>
      {bulk !== null && (
        <Bulk
          verb={bulk.verb}
          target={{ ids: bulk.group.ids, filter: { status: 'failed' } }}
          what={visible(bulk.group.reason.slice(0, 80))}
          onClose={(hasChanged) => {
            setBulk(null)
            if (hasChanged) refresh()
          }}
        />
      )}
    </>
  )
}

function Group(props: { group: FailureGroup; share: number; hasType: boolean; onAct: (verb: Verb) => void }) {
  const { group, share, hasType, onAct } = props
  const may = useMay()
  return (
    <li>
      <div class="group">
        <div class="count">
          <strong>{whole(group.count)}</strong>
          <meter min={0} max={1} value={share} aria-label="Share of the failed jobs" />
        </div>
        <div class="what">
          <p class="reason">{visible(group.reason)}</p>
          <p class="faint">
            {hasType && (
              <>
                <TypeLink type={group.type} /> ·{' '}
              </>
            )}
            last <Ago at={group.lastAt} />
            {group.count > 1 && (
              <>
                {' '}
                · first <Ago at={group.firstAt} />
              </>
            )}
          </p>
          <details>
            <summary>Example and jobs</summary>
            <pre class="code" tabIndex={0}>
              {visible(group.example)}
            </pre>
            <p class="ids">
              {group.ids.slice(0, SHOWN_IDS).map((id) => (
                <JobLink key={id} id={id} />
              ))}
              {group.count > SHOWN_IDS && (
                <span class="faint">and {whole(group.count - SHOWN_IDS)} more</span>
              )}
            </p>
          </details>
        </div>
        <div class="actions">
          {may('retry') && <Button onClick={() => onAct('retry')}>Retry</Button>}
          {may('remove') && <Button onClick={() => onAct('remove')}>Remove</Button>}
        </div>
      </div>
    </li>
  )
}
