/** Bodies of requests, up to a bound. */
import type { IncomingMessage } from 'node:http'
import { isRecord } from '../validate/rules'
import { refuse } from './reply'

/** As large as a payload that is edited in a page may reasonably be. */
const MOST_BYTES = 2 * 1024 * 1024

export type ReadText = () => Promise<string>

async function collect(chunks: AsyncIterable<Uint8Array | string>): Promise<string> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const chunk of chunks) {
    const part = Buffer.from(chunk as Uint8Array)
    bytes += part.length
    if (bytes > MOST_BYTES) refuse(413, 'too-large', `the body is longer than ${MOST_BYTES} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

export const bodyOfRequest = ({ body }: Request): ReadText => {
  return async () => (body === null ? '' : collect(body))
}

/** A middleware may have read and parsed it before. */
export const bodyOfMessage = (message: IncomingMessage, parsed: unknown): ReadText => {
  return async () => {
    if (parsed === undefined) return collect(message as AsyncIterable<Uint8Array>)
    if (typeof parsed === 'string') return parsed
    return Buffer.isBuffer(parsed) ? parsed.toString('utf8') : JSON.stringify(parsed)
  }
}

export async function jsonOf(read: ReadText): Promise<Record<string, unknown>> {
  const text = await read()
  if (Buffer.byteLength(text) > MOST_BYTES)
    refuse(413, 'too-large', `the body is longer than ${MOST_BYTES} bytes`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return refuse(400, 'malformed', 'the body is not JSON')
  }
  return isRecord(value) ? value : refuse(400, 'malformed', 'the body must be a JSON object')
}
