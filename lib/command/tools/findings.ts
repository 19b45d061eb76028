/** What `doctor` finds. */
import type { Context } from './verb'

export interface Finding {
  readonly check: string
  readonly state: 'good' | 'warning' | 'bad' | 'skipped'
  readonly text: string
  /** What to do, line by line. */
  readonly fix?: readonly string[]
}

export type Found = readonly Omit<Finding, 'check'>[]

export interface Looking extends Context {
  readonly visibilityTimeoutMs: number
}
