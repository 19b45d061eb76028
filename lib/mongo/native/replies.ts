/** The engine's replies in the shapes of the public types, if the two differ. */
import type { Settled } from '../../backend/verdict'
import type { QueueStats } from '../../types'
import type { NativeSettled, NativeStats, NativeSteered } from './addon'

/** The result of a settlement. */
export function settledOf({ status, terminalStatus }: NativeSettled): Settled {
  if (status !== 'already-terminal') return { status }
  // The engine sets it exactly with this status.
  return { status, terminalStatus: terminalStatus ?? 'completed' }
}

/**
 * The result of a change. The possible results depend on the change: `R` names them.
 *
 * @param done the word for a change that was made
 */
export function steeredAs<R extends { readonly status: string }>(
  { status, holder, jobStatus }: NativeSteered,
  done: R['status'],
): R {
  if (status === 'done') return { status: done } as R
  if (status === 'key-held') return { status, id: holder } as unknown as R
  return (status === 'wrong-status' ? { status, jobStatus } : { status }) as unknown as R
}

export function toStats({ oldestPendingRunAtMs, ...stats }: NativeStats): QueueStats {
  return {
    pending: stats.pending,
    active: stats.active,
    completed: stats.completed,
    failed: stats.failed,
    superseded: stats.superseded,
    oldestPendingRunAt: oldestPendingRunAtMs === null ? null : new Date(oldestPendingRunAtMs),
    oldestPendingLagMs: stats.oldestPendingLagMs,
  }
}
