/** The record behind `now()` and `uuid()`, and the UUIDs that are made of it. Frozen: an old process may have begun the job. */
import { createHash } from 'node:crypto'
import type { StepRecord } from '../types'

/** The place and the name of the record. */
export const BOOTSTRAP = { seq: -1, name: '$bootstrap' } as const

/** The result of the record. */
export interface Bootstrap {
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  /** 32 hex digits. */
  readonly seed: string
}

/** The seed of a job. Made of its id, so that an attempt whose record was lost made the same UUIDs. */
export function seedOf(jobId: string): string {
  return createHash('sha256').update(`durabl:${jobId}`).digest('hex').slice(0, 32)
}

/** The UUID of a label: version 4 in form. `engine/vectors/uuid.json` has examples. */
export function uuidOf(seed: string, label: string): string {
  const h = createHash('sha256').update(seed).update('\0').update(label).digest('hex')
  const variant = ((parseInt(h[16]!, 16) & 3) | 8).toString(16)
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-${variant}${h.slice(17, 20)}-${h.slice(20, 32)}`
}

/** The record's result; null if it is none. */
export function readBootstrap({ name, result }: StepRecord): Bootstrap | null {
  if (name !== BOOTSTRAP.name || typeof result !== 'object' || result === null) return null
  const { startedAt, seed } = result as { startedAt?: unknown; seed?: unknown }
  // Numbers may come wrapped, as the app's options ask for it.
  const moment = startedAt == null ? NaN : Number(startedAt)
  return Number.isNaN(moment) || typeof seed !== 'string' ? null : { startedAt: moment, seed }
}
