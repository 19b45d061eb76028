/** Workers: which processes there are, and what they do. */
import type { WorkerRow } from '../wire'
import { Ago, Empty, TypeLink, useNow } from './parts'
import { useShared } from './state'

/** A worker says that it is there every 15 s. */
const MISSED_MS = 40_000

export function Workers() {
  const { live } = useShared()
  if (live.workers.length === 0) {
    return (
      <>
        <h1>No workers</h1>
        <Empty>No process with a processor has reported within the last minute.</Empty>
      </>
    )
  }
  return (
    <>
      <h1 class="hidden">Workers</h1>
      <div class="scroll">
        <table class="stack">
          <caption class="hidden">Workers</caption>
          <thead>
            <tr>
              <th scope="col">Worker</th>
              <th scope="col">Types: active of slots</th>
              <th scope="col" class="wide">
                Versions
              </th>
              <th scope="col">Started</th>
              <th scope="col">Seen</th>
            </tr>
          </thead>
          <tbody>
            {live.workers.map((worker) => (
              <Row key={worker.id} worker={worker} />
            ))}
          </tbody>
        </table>
      </div>
    </>
  )
}

function Row({ worker }: { worker: WorkerRow }) {
  const now = useNow()
  const { id, host, pid, types, versions, startedAt, seenAt } = worker
  const isMissed = seenAt !== null && now - seenAt > MISSED_MS
  return (
    <tr class="tall">
      <th scope="row">
        {host || '–'} <span class="faint">{pid}</span>
        <div class="mono faint">{id}</div>
      </th>
      <td>
        <ul class="slots">
          {types.map(({ type, active, concurrency }) => (
            <li key={type}>
              <TypeLink type={type} />{' '}
              <meter
                min={0}
                max={Math.max(1, concurrency)}
                value={active}
                aria-label={`${active} of ${concurrency} slots`}
              />{' '}
              <span class="faint">
                {active}/{concurrency}
              </span>
            </li>
          ))}
        </ul>
      </td>
      <td class="wide faint">
        {Object.entries(versions).map(([name, version]) => (
          <div key={name}>
            {name} {version}
          </div>
        ))}
      </td>
      <td data-label="Started">
        <Ago at={startedAt} />
      </td>
      <td data-label="Seen" class={isMissed ? 'warn' : ''}>
        <Ago at={seenAt} />
      </td>
    </tr>
  )
}
