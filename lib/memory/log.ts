import type { StoredJob } from './stored-job'

const MAX_ENTRIES = 1000
const MAX_MESSAGE_BYTES = 4000

/** Adds a line to a job's log, within its bounds: long lines are cut, old ones go. */
export function addToLog({ job, log }: StoredJob, message: string, now: number): void {
  const line = cutToBytes(message, MAX_MESSAGE_BYTES)
  log.push({ timestamp: new Date(now), message: line })
  job.logs.push(line)
  if (log.length > MAX_ENTRIES) log.shift()
  if (job.logs.length > MAX_ENTRIES) job.logs.shift()
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
