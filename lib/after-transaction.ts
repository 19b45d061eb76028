import { setTimeout } from 'node:timers'
import type { ClientSession } from 'mongodb'
import { monotonicNow } from './timers'

/** Most transactions take a few milliseconds, some much longer. */
const FIRST_LOOK_MS = 1
const LONGEST_WAIT_MS = 50
const GROWTH = 1.5
/** No server lets a transaction live that long by default. A session that always seems busy is used for one after the other. */
const GIVE_UP_MS = 300_000

/** What waits for the end of the transaction on a session. */
type Watch = (() => void)[]

const watches = new WeakMap<ClientSession, Watch>()

/**
 * Calls back once the transaction in progress on a session is over, with the time that took, however it ended: whether it
 * has committed is the caller's to find out, if it matters.
 *
 * A session tells nobody of a commit, so it is looked at, more and more seldom: by its public methods only, and without changing
 * it. Nothing here keeps the process alive. The timers are never faked: the server's time isn't either.
 */
export function afterTransaction(session: ClientSession, callback: (elapsedMs: number) => void): void {
  const known = watches.get(session)
  const since = monotonicNow()
  const told = () => callback(monotonicNow() - since)
  if (known !== undefined) return void known.push(told)
  const watch: Watch = [told]
  watches.set(session, watch)
  lookIn(FIRST_LOOK_MS, session, since)
}

function lookIn(waitMs: number, session: ClientSession, since: number): void {
  setTimeout(() => {
    const isOver = !session.inTransaction() || monotonicNow() - since > GIVE_UP_MS
    if (isOver) tell(session)
    else lookIn(Math.min(waitMs * GROWTH, LONGEST_WAIT_MS), session, since)
  }, waitMs).unref()
}

function tell(session: ClientSession): void {
  const watch = watches.get(session) ?? []
  // Before the callbacks: what they begin on the session is another transaction.
  watches.delete(session)
  for (const told of watch) told()
}
