import { setTimeout } from 'node:timers'
import type { ClientSession } from 'mongodb'
import { monotonicNow } from '../base/timers'
import { isCommitted, transactionOf } from './session-state'

/** Most transactions take a few milliseconds, some much longer. */
const FIRST_LOOK_MS = 1
const LONGEST_WAIT_MS = 50
const GROWTH = 1.5
/** No server lets a transaction live that long by default. */
const GIVE_UP_MS = 300_000

/** The callbacks that wait for the end of the transaction on a session. */
interface Watch {
  /** The session's own mark of it, which another transaction does not share. */
  readonly transaction: unknown
  readonly callbacks: (() => void)[]
}

const watches = new WeakMap<ClientSession, Watch>()

/**
 * Calls back once the transaction in progress on a session is over, with the time that took, however it
 * ended. The caller has to find out if it has committed.
 *
 * A session reports no commit, so it is looked at, more and more seldom, and without changing it. Nothing here keeps the process alive. The
 * timers are never faked: the server's time isn't either.
 */
export function afterTransaction(session: ClientSession, callback: (elapsedMs: number) => void): void {
  const since = monotonicNow()
  const told = () => callback(monotonicNow() - since)
  const known = watches.get(session)
  if (known !== undefined && !isOver(session, known)) return void known.callbacks.push(told)
  // Another transaction has begun before any look saw the end of that one.
  if (known !== undefined) tell(session, known)
  const watch: Watch = { transaction: transactionOf(session), callbacks: [told] }
  watches.set(session, watch)
  lookIn(FIRST_LOOK_MS, session, watch, since)
}

/**
 * Looks if the transaction in progress on a session has committed. Begins once the transaction seems to be over, and goes on for as long as a
 * commit is possible. One whose reply was lost is sent again, by the driver and by its user.
 *
 * @param look resolves to true if it has
 */
export function afterCommit(session: ClientSession, look: () => Promise<boolean>): void {
  const transaction = transactionOf(session)
  const mayCommitYet = () =>
    !session.hasEnded && transactionOf(session) === transaction && isCommitted(session)
  const lookAgainIn = (waitMs: number): void => {
    if (waitMs > GIVE_UP_MS || !mayCommitYet()) return
    setTimeout(() => void lookNow(waitMs * 2), waitMs).unref()
  }
  const lookNow = async (nextMs: number): Promise<void> => {
    if (!(await look().catch(() => false))) lookAgainIn(nextMs)
  }
  afterTransaction(session, () => void lookNow(LONGEST_WAIT_MS))
}

function lookIn(waitMs: number, session: ClientSession, watch: Watch, since: number): void {
  setTimeout(() => {
    // The callbacks may have been called meanwhile.
    if (watches.get(session) !== watch) return
    if (isOver(session, watch) || monotonicNow() - since > GIVE_UP_MS) tell(session, watch)
    else lookIn(Math.min(waitMs * GROWTH, LONGEST_WAIT_MS), session, watch, since)
  }, waitMs).unref()
}

/**
 * Sessions that are used for one transaction after the other are hardly ever seen without one. If a session has no mark of its transaction,
 * the callback waits for the end of such a use.
 */
function isOver(session: ClientSession, { transaction }: Watch): boolean {
  return !session.inTransaction() || transactionOf(session) !== transaction
}

function tell(session: ClientSession, watch: Watch): void {
  // Before the callbacks: they may begin another transaction on the session.
  watches.delete(session)
  for (const told of watch.callbacks) told()
}
