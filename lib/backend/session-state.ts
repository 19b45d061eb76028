/**
 * What a session says of its transaction. It has no public name for it, but an object with a state, in every version of the driver so
 * far; where there is none, nothing is known.
 */
import type { ClientSession } from 'mongodb'

/** The session's own mark of the transaction in progress, which another transaction does not share. */
export function transactionOf(session: ClientSession): unknown {
  return (session as { readonly transaction?: unknown }).transaction
}

function isIn(session: ClientSession, state: string): boolean {
  return (transactionOf(session) as { readonly state?: unknown } | undefined)?.state === state
}

/** It has begun, and has sent nothing to the server yet. */
export function hasSentNothing(session: ClientSession): boolean {
  return isIn(session, 'STARTING_TRANSACTION')
}

/** It has sent a commit, whatever came of it. */
export function isCommitted(session: ClientSession): boolean {
  return isIn(session, 'TRANSACTION_COMMITTED')
}
