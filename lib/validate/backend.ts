/** The arguments that a backend's methods take beside those of `enqueue`. */
import { types } from 'node:util'
import type { ClientSession } from 'mongodb'
import type { JobAvailableListener, SettlementDetails } from '../types'
import { readOptions } from './options'
import { NAME, TEXT, check, checkOr, duration, functionOf, isRecord, listOf, wholeNumber } from './rules'

const DEFAULT_MAX_PER_SWEEP = 1000
const DEFAULT_MAX_AGE_MS = 7 * 24 * 60 * 60 * 1000
const DEFAULT_RECOVERY_TIMEOUT_MS = 300_000

const SWEEP_SIZE = wholeNumber(1, Number.MAX_SAFE_INTEGER)
const LISTENER = functionOf<JobAvailableListener>('(type) => …')
const JOB_IDS = listOf('job ids (non-empty strings)', NAME)

export function checkType(where: string, type: unknown): string {
  return check(where, 'type', type, NAME)
}

/** The type of a call that takes one type or all: undefined, or null, for all. */
export function checkOptionalType(where: string, type: unknown): string | undefined {
  return type === null ? undefined : checkOr(where, 'type', type, NAME, undefined)
}

export function checkDedupeKey(where: string, dedupeKey: unknown): string {
  return check(where, 'dedupeKey', dedupeKey, NAME)
}

export function checkJobId(where: string, jobId: unknown): string {
  return check(where, 'jobId', jobId, NAME)
}

export function checkJobIds(where: string, jobIds: unknown): readonly string[] {
  return check(where, 'jobIds', jobIds, JOB_IDS)
}

/**
 * Undefined, or null as in a document that has no token, for a write without one. An empty token is a token, and a
 * wrong one: it must not turn a fenced write into an unfenced one.
 */
export function checkClaimToken(where: string, claimToken: unknown): string | undefined {
  return claimToken === null ? undefined : checkOr(where, 'claimToken', claimToken, TEXT, undefined)
}

export function checkLogMessage(where: string, message: unknown): string {
  return check(where, 'message', message, TEXT)
}

/** The details that a queue gives with a verdict. Any other value there is not looked at. */
export function detailsOf(details: unknown): Details {
  const { stack, delayMs, parkedUntil, endOfRun, result } = isRecord(details)
    ? (details as SettlementDetails)
    : {}
  return {
    stack: typeof stack === 'string' ? stack : null,
    delayMs: typeof delayMs === 'number' && delayMs >= 0 ? Math.ceil(delayMs) : null,
    parkedUntil: types.isDate(parkedUntil) ? parkedUntil.getTime() : null,
    endOfRun: endOfRun === true,
    result: isRecord(result) && Object.hasOwn(result, 'value') ? { value: result.value } : null,
  }
}

/** The details of a settlement; null if there are none. */
export interface Details {
  readonly stack: string | null
  readonly delayMs: number | null
  /** Milliseconds since the epoch. */
  readonly parkedUntil: number | null
  readonly endOfRun: boolean
  /** The result to keep with a completed job; null for nothing. */
  readonly result: { readonly value: unknown } | null
}

export function checkListener(where: string, listener: unknown): JobAvailableListener {
  return check(where, 'listener', listener, LISTENER)
}

/** The options of `recoverStuckJobs`, defaults filled in. */
export interface RecoverySettings {
  readonly visibilityTimeoutMs: number
  readonly maxPerSweep: number
}

export function normalizeRecovery(visibilityTimeoutMs: unknown, maxPerSweep: unknown): RecoverySettings {
  const where = 'recoverStuckJobs'
  return {
    visibilityTimeoutMs: checkOr(
      where,
      'visibilityTimeoutMs',
      visibilityTimeoutMs,
      duration(0),
      DEFAULT_RECOVERY_TIMEOUT_MS,
    ),
    maxPerSweep: checkOr(where, 'maxPerSweep', maxPerSweep, SWEEP_SIZE, DEFAULT_MAX_PER_SWEEP),
  }
}

export function checkMaxAge(maxAgeMs: unknown): number {
  return checkOr('cleanupOldJobs', 'maxAgeMs', maxAgeMs, duration(0), DEFAULT_MAX_AGE_MS)
}

/** The bounds of a job's log. All of it has to fit into the job's document, and so does the rest of the job. */
export const LOG_RULES = {
  maxLogEntries: wholeNumber(1, 100_000),
  maxLogMessageBytes: wholeNumber(16, 1024 * 1024),
}

export const DEFAULT_LOG_LIMITS = { maxLogEntries: 1000, maxLogMessageBytes: 4000 } as const

/** The most bytes that a journal may take. A larger number than a document holds is allowed: the server refuses then. */
export const JOURNAL_LIMIT = wholeNumber(1, Number.MAX_SAFE_INTEGER)
export const DEFAULT_JOURNAL_LIMIT_BYTES = 8_000_000

const MEMORY_RULES = {
  clock: functionOf<() => number>('() => milliseconds'),
  random: functionOf<() => number>('() => number from 0 to 1'),
  startSession: functionOf<() => ClientSession>('() => client.startSession()'),
  ...LOG_RULES,
  journalSoftLimitBytes: JOURNAL_LIMIT,
}

/** The options of the in-memory backends, defaults filled in. */
export interface MemorySettings {
  readonly clock: () => number
  readonly random: () => number
  /** Null for a stand-in. */
  readonly startSession: (() => ClientSession) | null
  readonly maxLogEntries: number
  readonly maxLogMessageBytes: number
  readonly journalSoftLimitBytes: number
}

export function normalizeMemoryOptions(where: string, options: unknown): MemorySettings {
  const read = readOptions(where, options, MEMORY_RULES)
  return {
    // Looked up at each call: fake timers replace it.
    clock: read.clock ?? (() => Date.now()),
    random: read.random ?? (() => Math.random()),
    startSession: read.startSession ?? null,
    maxLogEntries: read.maxLogEntries ?? DEFAULT_LOG_LIMITS.maxLogEntries,
    maxLogMessageBytes: read.maxLogMessageBytes ?? DEFAULT_LOG_LIMITS.maxLogMessageBytes,
    journalSoftLimitBytes: read.journalSoftLimitBytes ?? DEFAULT_JOURNAL_LIMIT_BYTES,
  }
}
