/** Requests and answers of `node:http`, and of the frameworks that pass them on. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { bodyOfMessage } from './body'
import type { ReadText } from './body'
import type { Reply } from './reply'

/** Express and its kin keep the whole address here when a handler is mounted below a path. */
type Message = IncomingMessage & { readonly originalUrl?: string; readonly body?: unknown }

export interface Exchange {
  readonly request: Request
  /** Below the path where the handler is mounted, as far as the framework says so. */
  readonly path: string
  readonly read: ReadText
  readonly response: ServerResponse
}

/** @param request that of Node.js, or Fastify's, which has it in `raw` */
export function exchangeOf(request: unknown, response: unknown): Exchange {
  const { message, parsed } = messageOf(request)
  const { url = '/' } = message
  return {
    request: requestOf(message),
    path: url.split('?', 1)[0] ?? '/',
    read: bodyOfMessage(message, parsed),
    response: responseOf(response),
  }
}

function messageOf(request: unknown): { message: Message; parsed: unknown } {
  const { raw, body } = request as { raw?: Message; body?: unknown }
  if (raw !== undefined) return { message: raw, parsed: body }
  const message = request as Message
  // A middleware that found nothing to parse leaves `{}` or nothing, and the stream as it was.
  return { message, parsed: message.readableEnded ? message.body : undefined }
}

function responseOf(response: unknown): ServerResponse {
  const { raw, hijack } = response as { raw?: ServerResponse; hijack?: () => unknown }
  if (raw === undefined) return response as ServerResponse
  if (typeof hijack === 'function') Reflect.apply(hijack, response, [])
  return raw
}

function requestOf(message: Message): Request {
  const headers = new Headers()
  for (const [name, value] of Object.entries(message.headers)) {
    // HTTP/2 has pseudo headers, which begin with a colon.
    if (value === undefined || name.startsWith(':')) continue
    for (const one of Array.isArray(value) ? value : [value]) headers.append(name, one)
  }
  const authority = message.headers[':authority']
  if (!headers.has('host') && typeof authority === 'string') headers.set('host', authority)
  return new Request(addressOf(message, headers.get('host')), { method: methodOf(message), headers })
}

function addressOf({ originalUrl, url = '/' }: Message, host: string | null): URL {
  // Two slashes would be read as a host.
  const path = (originalUrl ?? url).replace(/^[/\\]+/, '/')
  for (const base of [`http://${host ?? 'localhost'}`, 'http://localhost']) {
    if (URL.canParse(path, base)) return new URL(path, base)
  }
  return new URL('http://localhost/')
}

/** Methods that a `Request` refuses are refused here as an unknown one is. */
const methodOf = ({ method = 'GET' }: Message) =>
  /^(CONNECT|TRACE|TRACK)$/i.test(method) ? 'OPTIONS' : method

export function send(response: ServerResponse, { status, headers, body }: Reply, isHead: boolean): void {
  if (response.headersSent || response.destroyed) return
  response.statusCode = status
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  if (status === 304) response.end()
  else {
    response.setHeader('content-length', Buffer.byteLength(body))
    response.end(isHead ? undefined : body)
  }
}
