import type { VerdictKind } from '../backend/verdict'
import type { JobEnding, RecordedJob } from '../types'
import type { Transition } from './transition'

/** Older ones go. */
const MOST_ERRORS = 10
/** Longer texts are cut, in bytes of UTF-8. */
const MOST_REASON_BYTES = 4096
const MOST_STACK_BYTES = 8192

/** Notes the attempt that ends so among the job's failed ones, if it has failed. */
export function noteFailure(
  job: RecordedJob,
  transition: Transition,
  reason: string | null,
  stack: string | null,
  now: number,
): void {
  if (reason === null || !isFailure(transition)) return
  const error = { attempt: job.attempt, at: new Date(now), reason: cut(reason, MOST_REASON_BYTES) }
  const errors = job.errors ?? []
  errors.push(stack === null ? error : { ...error, stack: cut(stack, MOST_STACK_BYTES) })
  job.errors = errors.slice(-MOST_ERRORS)
}

/** The ending of a job that fails by this transition; null for any other. */
export function endingOf(transition: Transition, verdict: VerdictKind): JobEnding | null {
  if (transition === 'cancelled' || transition === 'expired') return transition
  if (transition !== 'failed-terminal') return null
  return verdict === 'failFatal' ? 'fatal' : 'exhausted'
}

function isFailure(transition: Transition): boolean {
  switch (transition) {
    case 'retry-scheduled':
    case 'failed-terminal':
    case 'recovered':
    case 'superseded':
      return true
    case 'completed':
    case 'released':
    case 'cancelled':
    case 'expired':
      return false
  }
}

/** Cut between characters. */
function cut(text: string, most: number): string {
  if (Buffer.byteLength(text) <= most) return text
  let end = most
  const bytes = Buffer.from(text)
  while ((bytes[end]! & 0xc0) === 0x80) end -= 1
  return bytes.toString('utf8', 0, end)
}
