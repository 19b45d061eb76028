import type { StoredJob } from './stored-job'
import type { Transition } from './transition'

/** The bounds of every job's log, looked at for each line: tests set them in between. */
export interface LogLimits {
  readonly maxLogEntries: number
  readonly maxLogMessageBytes: number
}

/** The end of a line that was cut. */
const CUT = ' [truncated]'

/** The log line of a transition: why the job ended, or why it is tried again. Null if nothing went wrong. */
export function lineOf(transition: Transition, isFatal: boolean, reason: string | null): string | null {
  switch (transition) {
    case 'failed-terminal':
      return `${isFatal ? 'Fatal' : 'Failed'}: ${reason ?? ''}`
    case 'retry-scheduled':
    case 'recovered':
      return `Failed: ${reason ?? ''}`
    case 'expired':
      return 'Expired: it was not started in time'
    case 'cancelled':
      return reason === null ? 'Cancelled' : `Cancelled: ${reason}`
    case 'superseded':
      return `Superseded: ${reason ?? 'a follower covers the work'}`
    case 'completed':
    case 'released':
      return null
  }
}

/** Adds a line to a job's log, within its bounds: long lines are cut, old ones go. */
export function addToLog({ job, log }: StoredJob, message: string, now: number, limits: LogLimits): void {
  const line = cutToBytes(message, limits.maxLogMessageBytes)
  log.push({ timestamp: new Date(now), message: line })
  job.logs.push(line)
  keepNewest(log, limits.maxLogEntries)
  keepNewest(job.logs, limits.maxLogEntries)
}

function keepNewest(lines: unknown[], most: number): void {
  lines.splice(0, lines.length - most)
}

/** Cuts between characters, never within one, and says so at the end. */
function cutToBytes(text: string, most: number): string {
  // No character takes more than three bytes per unit of a string's length.
  if (text.length * 3 <= most) return text
  const bytes = Buffer.from(text)
  if (bytes.length <= most) return text
  const mark = most < CUT.length ? '' : CUT
  let end = most - mark.length
  while (isContinuation(bytes[end])) end -= 1
  return bytes.toString('utf8', 0, end) + mark
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80
}
