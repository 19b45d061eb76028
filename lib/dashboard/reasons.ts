/** Failures in groups of one reason. */
import type { FailureGroup, JobRow } from './wire'

const LONGEST = 300

/** From the most telling to the least: the inside of an address or an id is not looked at again. */
const VARYING: readonly (readonly [RegExp, string])[] = [
  [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi, '<id>'],
  [/\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?/g, '<time>'],
  [/[\w.+-]+@[\w-]+\.[\w.-]+/g, '<address>'],
  [/(https?:\/\/[^\s/?#"']+)[^\s"']*/gi, '$1/…'],
  [/\b\d{1,3}(\.\d{1,3}){3}(:\d+)?\b/g, '<ip>'],
  [/\b(?=[a-z]*\d)[0-9a-f]{8,}\b/gi, '<id>'],
  [/\b(?=\w*\d)\w+_\w+\b/g, '<id>'],
  // A random token: a letter behind a digit, in a word of one case.
  [/\b(?=[a-z0-9]*\d[a-z])[a-z0-9]{8,}\b/g, '<id>'],
  [/\b(?=[A-Z0-9]*\d[A-Z])[A-Z0-9]{8,}\b/g, '<id>'],
  [/(["'`])(?:(?!\1).){1,200}\1/g, '$1…$1'],
  [/\d+(\.\d+)?/g, '<n>'],
]

/** A reason without the parts that differ from job to job: ids, numbers, times, addresses, quoted values. */
export function normalised(reason: string): string {
  const line = reason.slice(0, 4 * LONGEST).split(/[\r\n]/, 1)[0] ?? ''
  const general = VARYING.reduce((text, [pattern, word]) => text.replace(pattern, word), line)
  return general.replace(/\s+/g, ' ').trim().slice(0, LONGEST) || '(no reason)'
}

/** The largest group first; of equal ones that of the newest failure. Jobs are given newest first. */
export function grouped(jobs: readonly JobRow[]): FailureGroup[] {
  const groups = new Map<string, JobRow[]>()
  for (const job of jobs) {
    const key = JSON.stringify([job.type, normalised(job.failReason ?? '')])
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [job])
    else group.push(job)
  }
  return [...groups.values()]
    .map(groupOf)
    .sort((a, b) => b.count - a.count || (b.lastAt ?? 0) - (a.lastAt ?? 0))
}

function groupOf(jobs: readonly JobRow[]): FailureGroup {
  const newest = jobs[0] as JobRow
  const reason = newest.failReason ?? ''
  const moments = jobs.map(({ endedAt }) => endedAt).filter((at) => at !== null)
  return {
    reason: normalised(reason),
    example: reason,
    type: newest.type,
    count: jobs.length,
    firstAt: moments.length === 0 ? null : Math.min(...moments),
    lastAt: moments.length === 0 ? null : Math.max(...moments),
    ids: jobs.map(({ id }) => id),
  }
}
