/** How a claim is to end, as a backend is told, and what it answers. */
import { reasonOf } from '../base/reason'
import type { CompleteResult, FailFatalResult, FailResult, ReleaseResult } from '../types'

/** How a claim is to end. */
export type VerdictKind = 'complete' | 'fail' | 'failFatal' | 'release'

/** How a claim is to end, and why. */
export interface Verdict {
  readonly kind: VerdictKind
  /** Why, for `fail` and `failFatal`; else null. */
  readonly reason: string | null
}

/** What writing a verdict found. */
export type Settled = CompleteResult | FailResult | FailFatalResult | ReleaseResult

export const COMPLETE: Verdict = { kind: 'complete', reason: null }
export const RELEASE: Verdict = { kind: 'release', reason: null }

export function failed(reason: unknown): Verdict {
  return { kind: 'fail', reason: reasonOf(reason) }
}

export function failedFatally(reason: unknown): Verdict {
  return { kind: 'failFatal', reason: reasonOf(reason) }
}
