import type { ClientSession } from 'mongodb'
import { DurablError, argumentError } from '../base/errors'
import type { CompleteOptions } from '../types'
import { check, isRecord, objectWith } from './rules'
import type { Rule } from './rules'

/** Checked by the members that are used: in unit tests another object may stand in for one. */
export const SESSION: Rule<ClientSession> = objectWith('a ClientSession', 'inTransaction', 'endSession')

/** @throws RangeError if writes with the session would be part of no transaction */
export function checkInTransaction(where: string, session: ClientSession): void {
  if (session.hasEnded) {
    throw argumentError(RangeError, `${where}: option "session" must be a session in use; this one has ended`)
  }
  if (session.inTransaction()) return
  throw argumentError(
    RangeError,
    `${where}: option "session" must have a transaction in progress; this one has none (any more). Await the call within ` +
      'session.withTransaction(…), or leave the session out',
  )
}

/** The session of `complete`'s options; null if there is none. Nothing else is looked at: `promise.then(handle.complete)` is fine. */
export function sessionOfCompletion(where: string, options: unknown): ClientSession | null {
  const value = isRecord(options) ? (options as CompleteOptions).session : undefined
  if (value === undefined) return null
  const session = check(where, 'option "session"', value, SESSION)
  checkInTransaction(where, session)
  return session
}

/** A handler's own context takes no session. Null if it was given none. */
export function refusalOfSession(where: string, options: unknown): DurablError | null {
  if (!isRecord(options) || (options as CompleteOptions).session === undefined) return null
  return new DurablError(
    'ERR_DURABL_UNSUPPORTED',
    `${where}: to complete a handler's job in a transaction, use ctx.transaction(…) instead of a session`,
  )
}
