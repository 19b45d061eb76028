/** The findings of `doctor`. */
import type { Context } from './verb'

export interface Finding {
  readonly check: string
  readonly state: 'good' | 'warning' | 'bad' | 'skipped'
  readonly text: string
  /** Advice, line by line. */
  readonly fix?: readonly string[]
}

export type Found = readonly Omit<Finding, 'check'>[]

export interface Looking extends Context {
  readonly visibilityTimeoutMs: number
}
