/** The arguments of the calls that change many jobs. */
import { argumentError } from '../base/errors'
import type { JobStatus, ListJobsOptions, ManyOptions } from '../types'
import { normalizeListJobs } from './looking'
import { readOptions } from './options'
import { NAME, check, isRecord, listOf, oneOf, wholeNumber } from './rules'
import type { Rule } from './rules'
import { show } from './show'

const DEFAULT_LIMIT = 1000
const MOST_JOBS = 100_000

const IDS = listOf('job ids (non-empty strings)', NAME)
const LIMIT = wholeNumber(1, MOST_JOBS)
const STATUS = oneOf<JobStatus>('pending', 'active', 'completed', 'failed', 'superseded')
const MODE = oneOf('run', 'preview')

const ANY_CURSOR: Rule<string> = {
  allowed: 'the "next" of a call with the same selection (a non-empty string)',
  read: (value) => (typeof value === 'string' && value !== '' ? { value } : { wrong: 'type' }),
}

const MANY_RULES = { limit: LIMIT, mode: MODE, after: ANY_CURSOR } satisfies Record<
  keyof ManyOptions,
  Rule<unknown>
>

/** The jobs of a call that changes many: ids, or the options that `listJobs` takes. */
export interface JobsToChange {
  readonly ids: readonly string[] | null
  /** Null exactly when there are ids. */
  readonly filter: ListJobsOptions | null
  readonly limit: number
  readonly isPreview: boolean
  readonly after: string | null
}

/** @param statuses those that the call leads out of */
export function normalizeJobsToChange(
  where: string,
  statuses: readonly JobStatus[],
  selection: unknown,
  options: unknown,
): JobsToChange {
  if (!isRecord(selection)) {
    throw argumentError(
      TypeError,
      `${where}: selection must be an object, such as { status: '${statuses[0]}' } or { ids: […] }; got ${show(selection)}`,
    )
  }
  const { limit, mode, after } = readOptions(where, options, MANY_RULES)
  const rest = { limit: limit ?? DEFAULT_LIMIT, isPreview: mode === 'preview', after: after ?? null }
  if (selection.ids !== undefined) {
    const given = { ...selection, limit, after }
    for (const [name, value] of Object.entries(given)) {
      if (name === 'ids' || value === undefined) continue
      throw argumentError(TypeError, `${where}: "${name}" cannot be used together with "ids"`)
    }
    return { ...rest, ids: checkIds(where, selection.ids), filter: null }
  }
  for (const name of ['limit', 'after']) {
    if (selection[name] === undefined) continue
    throw argumentError(
      TypeError,
      `${where}: "${name}" is an option of the call, and no part of the selection`,
    )
  }
  const { ...filter } = selection
  check(where, 'option "status"', filter.status, oneOf<JobStatus>(...statuses))
  normalizeListJobs(where, { ...filter, after })
  return { ...rest, ids: null, filter: filter as unknown as ListJobsOptions }
}

function checkIds(where: string, ids: unknown): readonly string[] {
  const checked = [...new Set(check(where, '"ids"', ids, IDS))]
  if (checked.length <= MOST_JOBS) return checked
  throw argumentError(
    RangeError,
    `${where}: "ids" must be an array of at most ${MOST_JOBS} job ids; got ${checked.length}`,
  )
}

/** The one status in which it is to change them; null for any that fits. */
export function checkEachStatus(where: string, status: unknown): JobStatus | null {
  if (status === undefined) return null
  return check(where, 'status', status, STATUS)
}

/** The ids that a backend is to change. */
export function checkEachIds(where: string, ids: unknown): readonly string[] {
  return check(where, 'ids', ids, IDS)
}
