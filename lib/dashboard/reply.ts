/** Answers, before they become a `Response` or are written to one of Node.js's. */
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import type { Refusal } from './wire'

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array<ArrayBuffer>
}

/** An answer that is thrown. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly refusal: Refusal,
  ) {
    super(refusal.message)
  }
}

export const refuse = (status: number, error: string, message: string): never => {
  throw new Refused(status, { error, message })
}

/**
 * For every answer. No inline script or style is allowed, and no other site may frame the page or read it. `same-origin` keeps
 * addresses from other sites, and yet lets browsers send `origin`.
 */
const SECURITY = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  vary: 'cookie, authorization, accept-encoding',
}

export function reply(
  status: number,
  body: string | Uint8Array<ArrayBuffer>,
  type: string,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  return {
    status,
    body,
    headers: { ...SECURITY, 'content-type': type, 'cache-control': 'no-store', ...headers },
  }
}

export const json = (value: unknown, status = 200): Reply =>
  reply(status, JSON.stringify(value), 'application/json; charset=utf-8')

const etagOf = (text: string): string =>
  `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`

/** `no-cache`: a browser keeps it, and asks each time if it may still use it. */
const KEPT = { 'cache-control': 'private, no-cache' }

const knows = ({ headers }: Request, tag: string): boolean => {
  const seen = headers.get('if-none-match')
  return seen !== null && seen.split(',').some((one) => one.trim().replace(/^W\//, '') === tag)
}

/** An answer that a browser need not be sent twice. */
export function tagged(request: Request, text: string, type: string): Reply {
  const tag = etagOf(text)
  const headers = { etag: tag, ...KEPT }
  return knows(request, tag) ? reply(304, '', type, headers) : reply(200, text, type, headers)
}

/** A file of the page: a text that never changes while the process lives. */
export class Asset {
  private readonly tag: string
  private compressed: Uint8Array<ArrayBuffer> | null = null

  constructor(
    private readonly text: string,
    private readonly type: string,
  ) {
    this.tag = etagOf(text)
  }

  answer(request: Request): Reply {
    const headers = { etag: this.tag, ...KEPT }
    if (knows(request, this.tag)) return reply(304, '', this.type, headers)
    const takesGzip = /\bgzip\b(?!\s*;\s*q=0(\.0*)?(,|$))/i.test(request.headers.get('accept-encoding') ?? '')
    if (!takesGzip) return reply(200, this.text, this.type, headers)
    this.compressed ??= new Uint8Array(gzipSync(this.text, { level: 9 }))
    return reply(200, this.compressed, this.type, { ...headers, 'content-encoding': 'gzip' })
  }
}
