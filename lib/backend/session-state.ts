/**
 * The state that a session gives its transaction. It has no public name, but is an object with a state, in every version of the driver so
 * far. Without that object nothing is known.
 */
import type { ClientSession } from 'mongodb'

/** The session's own mark of the transaction in progress, which another transaction does not share. */
export function transactionOf(session: ClientSession): unknown {
  return (session as { readonly transaction?: unknown }).transaction
}

function isIn(transaction: unknown, state: string): boolean {
  return (transaction as { readonly state?: unknown } | undefined)?.state === state
}

/** True if it has begun, and has sent nothing to the server yet. */
export function hasSentNothing(session: ClientSession): boolean {
  return isIn(transactionOf(session), 'STARTING_TRANSACTION')
}

/** True once it has sent a commit, even if the commit failed. */
export function isCommitted(session: ClientSession): boolean {
  return isIn(transactionOf(session), 'TRANSACTION_COMMITTED')
}

/** The same, of a transaction that may be over, by its mark. A session without marks, as a stand-in, has committed at once. */
export function hasCommitted(transaction: unknown): boolean {
  return transaction === undefined || isIn(transaction, 'TRANSACTION_COMMITTED')
}
