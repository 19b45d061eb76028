/** Verdicts on claims, as backends get them, and their answers. */
import { reasonOf, stackBehind } from '../base/reason'
import type { CancelledReply, SettleResult } from '../types'

/** The kinds of verdict. */
export type VerdictKind = 'complete' | 'fail' | 'failFatal' | 'release'

/** A value that a completed job is to keep. */
export interface Kept {
  readonly value: unknown
  /** Called with the reason if the value can't be kept; the job completes without it. */
  readonly refused: (err: unknown) => void
}

/** A verdict with its reason. */
export interface Verdict {
  readonly kind: VerdictKind
  /** The reason, for `fail` and `failFatal`; else null. */
  readonly reason: string | null
  /** The stack of the failure; null if there is none. */
  readonly stack: string | null
  /** Time until a job that is to wait again is due again, in milliseconds; null for the usual time. */
  readonly delayMs: number | null
  /** The moment until which the job parks, in milliseconds since the epoch, if its handler sleeps. */
  readonly parkedUntil?: number
  /** The owner settles in the midst of its work. Otherwise its work has ended, and a job that was asked to be cancelled is cancelled. */
  readonly byHand: boolean
  /** For `complete`; null for nothing. */
  readonly result: Kept | null
}

/** The result of writing a verdict. */
export type Settled = SettleResult | CancelledReply

export const COMPLETE: Verdict = {
  kind: 'complete',
  reason: null,
  stack: null,
  delayMs: null,
  byHand: false,
  result: null,
}
export const RELEASE: Verdict = { ...COMPLETE, kind: 'release' }

export function failed(reason: unknown): Verdict {
  return { ...COMPLETE, kind: 'fail', reason: reasonOf(reason), stack: stackBehind(reason) }
}

export function failedFatally(reason: unknown): Verdict {
  return { ...failed(reason), kind: 'failFatal' }
}

/** The job is given back, and is due after a while. */
export function deferred(delayMs: number): Verdict {
  return { ...RELEASE, delayMs }
}

/** The job is given back, and parks until a moment, which is this far away. */
export function parked(untilMs: number, delayMs: number): Verdict {
  return { ...RELEASE, delayMs, parkedUntil: untilMs }
}

/** The same verdict, by an owner that goes on. */
export function byHand(verdict: Verdict): Verdict {
  return { ...verdict, byHand: true }
}

/**
 * A result in the words that owners know. A job that would have waited again, and was cancelled instead, has failed for good. One that was to
 * be released has ended.
 */
export function asTold(kind: VerdictKind, found: Settled): SettleResult {
  if (found.status !== 'cancelled') return found
  return kind === 'fail' || kind === 'failFatal'
    ? { status: 'failed-terminal' }
    : { status: 'already-terminal', terminalStatus: 'failed' }
}
