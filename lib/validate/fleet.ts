/** The arguments of calls about all workers of a queue. */
import { argumentError } from '../base/errors'
import type { RetentionOptions } from '../types'
import { readOptions } from './options'
import { NAME, check, duration, isRecord, wholeNumber } from './rules'
import type { Rule } from './rules'
import { quote, show } from './show'

/** The stored part of the history. */
export const LONGEST_HISTORY_MS = 72 * 60 * 60 * 1000

const LATEST_MS = 8_640_000_000_000_000
const MOMENT = wholeNumber(0, LATEST_MS, 'milliseconds since the epoch')

const PAUSE_RULES = { reason: NAME }
const COUNTS_RULES = { type: NAME }
const HISTORY_RULES = { type: NAME, fromMs: MOMENT, toMs: MOMENT }
const ACTION_RULES = { by: NAME, action: NAME, target: NAME, note: NAME }
const ACTIONS_RULES = { limit: wholeNumber(1, 1000), before: NAME }
const DEFAULT_ACTIONS = 50

/** The reason of a pause; null if none was given. */
export function reasonOfPause(options: unknown): string | null {
  return readOptions('pause', options, PAUSE_RULES).reason ?? null
}

/** The requested type; null for all. */
export function typeOfCounts(options: unknown): string | null {
  return readOptions('counts', options, COUNTS_RULES).type ?? null
}

/** The requested part of the history. */
export interface HistoryRange {
  /** Null for all. */
  readonly type: string | null
  readonly fromMs: number
  readonly toMs: number
}

export function normalizeHistory(query: unknown): HistoryRange {
  const where = 'history'
  const { type, fromMs, toMs } = readOptions(where, query, HISTORY_RULES)
  const from = check(where, 'option "fromMs"', fromMs, MOMENT)
  const to = check(where, 'option "toMs"', toMs, MOMENT)
  if (to < from || to - from > LONGEST_HISTORY_MS) {
    throw argumentError(
      RangeError,
      `${where}: option "toMs" must be at most 72 hours after "fromMs" (${from}), and not before it; got ${to}`,
    )
  }
  return { type: type ?? null, fromMs: from, toMs: to }
}

/** An act of an operator; null for each part that was not given. */
export interface Action {
  readonly by: string | null
  readonly action: string
  readonly target: string | null
  readonly note: string | null
}

export function normalizeAction(action: unknown): Action {
  const where = 'recordAction'
  const read = readOptions(where, action, ACTION_RULES)
  return {
    by: read.by ?? null,
    action: check(where, 'option "action"', read.action, NAME),
    target: read.target ?? null,
    note: read.note ?? null,
  }
}

export function normalizeActions(query: unknown): { limit: number; before: string | null } {
  const { limit, before } = readOptions('listActions', query, ACTIONS_RULES)
  return { limit: limit ?? DEFAULT_ACTIONS, before: before ?? null }
}

const PERIOD_RULES = { completedMs: duration(0), failedMs: duration(0), supersededMs: duration(0) }

/** The rule of the constructor's option `retention`. */
export const RETENTION: Rule<RetentionOptions> = {
  allowed:
    'an object of completedMs, failedMs, supersededMs (milliseconds, at least 0) and types (the same by type)',
  read: (value) => (isRecord(value) ? { value } : { wrong: 'type' }),
}

/** Time that jobs of one type, or of all others, are kept after they have ended; null for good. */
export interface Retention {
  /** Null for all types that are not named. */
  readonly type: string | null
  readonly completedMs: number | null
  readonly failedMs: number | null
  readonly supersededMs: number | null
}

/** Own properties only: a type may have the name of anything that objects inherit. */
export function normalizeRetention(
  where: string,
  retention: RetentionOptions | undefined,
): readonly Retention[] {
  if (retention === undefined) return []
  const { types, ...periods } = retention
  const list = [periodsOf(`${where}: retention`, null, periods)]
  if (types !== undefined) {
    if (!isRecord(types)) {
      throw argumentError(
        TypeError,
        `${where}: retention: option "types" must be an object of periods by type; got ${show(types)}`,
      )
    }
    for (const type of Object.keys(types)) {
      const name = check(`${where}: retention`, 'a type', type, NAME)
      list.push(periodsOf(`${where}: retention of type ${quote(name)}`, name, types[type]))
    }
  }
  return list
}

function periodsOf(where: string, type: string | null, periods: unknown): Retention {
  const read = readOptions(where, periods, PERIOD_RULES)
  return {
    type,
    completedMs: read.completedMs ?? null,
    failedMs: read.failedMs ?? null,
    supersededMs: read.supersededMs ?? null,
  }
}
