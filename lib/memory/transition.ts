/**
 * The end of a claim, as one table: pure, and shared by settlements and recovery. `engine/vectors/transitions.json` holds examples that the
 * engine is tested against as well.
 */
import type { VerdictKind } from '../backend/verdict'

/** The transition to write. */
export type Transition =
  | 'completed'
  /** Pending again, after the back-off. */
  | 'retry-scheduled'
  | 'failed-terminal'
  /** Pending again, due at once, the attempt given back. */
  | 'released'
  /** Pending again, due at once, the attempt spent: its holder is gone. */
  | 'recovered'
  /** Ended, because the pending place of its key is taken by a follower that will do the work. */
  | 'superseded'
  /** Failed, because a caller has cancelled it. */
  | 'cancelled'
  /** Failed, because it was not started in time. */
  | 'expired'

interface Situation {
  readonly attempt: number
  readonly maxAttempts: number
  readonly hasFollower: boolean
}

export function ofVerdict(
  verdict: VerdictKind,
  { attempt, maxAttempts, hasFollower }: Situation,
): Transition {
  switch (verdict) {
    case 'complete':
      return 'completed'
    case 'failFatal':
      return 'failed-terminal'
    case 'release':
      return hasFollower ? 'superseded' : 'released'
    case 'fail':
      // A failure that no retry follows is worth knowing, follower or not.
      if (attempt >= maxAttempts) return 'failed-terminal'
      return hasFollower ? 'superseded' : 'retry-scheduled'
  }
}

/** The transition of a job whose lease has expired. */
export function ofExpiry({ attempt, maxAttempts, hasFollower }: Situation): Transition {
  if (hasFollower) return 'superseded'
  return attempt < maxAttempts ? 'recovered' : 'failed-terminal'
}
