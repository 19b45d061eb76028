/** Actions on many jobs: first how many there are, then the number typed by the user, then the result. */
import { useEffect, useRef, useState } from 'preact/hooks'
import type { ActRequest } from '../wire'
import { act } from './api'
import { whole } from './format'
import { Button, Dialog, Trouble } from './parts'
import { useShared } from './state'

export type Verb = 'retry' | 'cancel' | 'promote' | 'remove'

export const VERBS: Readonly<Record<Verb, string>> = {
  retry: 'Retry',
  cancel: 'Cancel',
  promote: 'Run now',
  remove: 'Remove',
}

/** Verbs that can do something about jobs of a status. */
export const verbsFor = (status: string): readonly Verb[] => {
  if (status === 'pending') return ['promote', 'cancel', 'remove']
  return status === 'active' ? ['cancel'] : ['retry', 'remove']
}

const CONSEQUENCE: Readonly<Record<Verb, string>> = {
  retry: 'They become pending and run again, with all their attempts.',
  cancel: 'Pending ones end as cancelled. Running ones are asked to stop.',
  promote: 'They become due at once.',
  remove: 'They are deleted, with their payloads and logs.',
}

/** Jobs to act on: some ids, or all that match a filter. */
export type Target = Pick<ActRequest, 'ids' | 'filter'>

const IDS_A_REQUEST = 500
/** Counting stops here: a larger number is asked for as "all". */
const MOST_COUNTED = 20_000

function* requestsOf({ ids, filter }: Target): Generator<Target> {
  if (ids === undefined) yield { filter: filter as NonNullable<typeof filter> }
  else {
    for (let index = 0; index < ids.length; index += IDS_A_REQUEST) {
      yield { ids: ids.slice(index, index + IDS_A_REQUEST), ...(filter && { filter }) }
    }
  }
}

interface Tally {
  matched: number
  changed: number
  skipped: number
  isWhole: boolean
}

async function through(
  common: Pick<ActRequest, 'action' | 'queue' | 'mode'>,
  target: Target,
  goesOn: (tally: Tally) => boolean,
): Promise<Tally> {
  const tally: Tally = { matched: 0, changed: 0, skipped: 0, isWhole: true }
  for (const part of requestsOf(target)) {
    let after: string | null = null
    do {
      const reply = await act({ ...common, ...part, ...(after && { after }) })
      tally.matched += reply.matched ?? 0
      tally.changed += reply.changed ?? 0
      tally.skipped += reply.skipped ?? 0
      after = reply.status === 'more' ? (reply.next ?? null) : null
      if (!goesOn({ ...tally })) return { ...tally, isWhole: after === null }
    } while (after !== null)
  }
  return tally
}

export function Bulk(props: {
  verb: Verb
  target: Target
  what: string
  onClose: (hasChanged: boolean) => void
}) {
  const { verb, target, what, onClose } = props
  const { queue, refresh } = useShared()
  const [found, setFound] = useState<Tally | null>(null)
  const [done, setDone] = useState<Tally | null>(null)
  const [state, setState] = useState<'counting' | 'asking' | 'running' | 'over'>('counting')
  const [typed, setTyped] = useState('')
  const [error, setError] = useState<Error | null>(null)
  const isStopped = useRef(false)
  const common = { action: verb, queue }

  useEffect(() => {
    through(
      { ...common, mode: 'preview' },
      target,
      ({ matched }) => matched < MOST_COUNTED && !isStopped.current,
    )
      .then((tally) => {
        setFound(tally)
        setState('asking')
      })
      .catch(setError)
    return () => {
      isStopped.current = true
    }
  }, [])

  const run = async () => {
    setState('running')
    try {
      setDone(
        await through({ ...common, mode: 'run' }, target, (tally) => (setDone(tally), !isStopped.current)),
      )
    } catch (failure) {
      setError(failure as Error)
    }
    setState('over')
    refresh()
  }

  const number = found === null ? '' : found.isWhole ? String(found.matched) : 'all'
  const isOne = number === '1'
  const mayRun = found !== null && found.matched > 0 && (isOne || typed.replace(/[,.\s]/g, '') === number)
  return (
    <Dialog title={`${VERBS[verb]}: ${what}`} onClose={() => onClose(done !== null)}>
      <div aria-live="polite">
        {state === 'counting' && error === null && <p>Counting…</p>}
        {state === 'asking' && found !== null && (
          <>
            <p>
              <strong>{found.isWhole ? whole(found.matched) : `More than ${whole(found.matched)}`}</strong>{' '}
              {isOne ? 'job matches now.' : 'jobs match now.'} {CONSEQUENCE[verb]}
            </p>
            {found.matched > 0 && !isOne && (
              <label class="field">
                <span>
                  Type <strong>{number}</strong> to go on
                </span>
                <input
                  value={typed}
                  onInput={(event) => setTyped(event.currentTarget.value)}
                  autocomplete="off"
                />
              </label>
            )}
          </>
        )}
        {done !== null && (
          <p>
            <strong>{whole(done.changed)}</strong> done
            {done.skipped > 0 &&
              `, ${whole(done.skipped)} left as they were: they had changed meanwhile, or their key is held`}
            {state === 'running' ? '…' : '.'}
          </p>
        )}
      </div>
      <Trouble error={error} />
      <footer>
        <Button onClick={() => onClose(done !== null)}>
          {state === 'over' ? 'Close' : state === 'running' ? 'Stop' : 'Back'}
        </Button>
        {state === 'asking' && (
          <Button
            tone={verb === 'retry' || verb === 'promote' ? 'main' : 'danger'}
            disabled={!mayRun}
            onClick={() => void run()}
          >
            {VERBS[verb]}
          </Button>
        )}
      </footer>
    </Dialog>
  )
}
