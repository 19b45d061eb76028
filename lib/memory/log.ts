import type { StoredJob } from './stored-job'

/** The bounds of every job's log, looked at for each line: tests set them in between. */
export interface LogLimits {
  readonly maxLogEntries: number
  readonly maxLogMessageBytes: number
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
  if (lines.length > most) lines.splice(0, lines.length - most)
}

/** Cuts between characters, never within one. */
function cutToBytes(text: string, most: number): string {
  // No character takes more than three bytes per unit of a string's length.
  if (text.length * 3 <= most) return text
  const bytes = Buffer.from(text)
  if (bytes.length <= most) return text
  let end = most
  while (end > 0 && isContinuation(bytes[end])) end -= 1
  return bytes.toString('utf8', 0, end)
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80
}
