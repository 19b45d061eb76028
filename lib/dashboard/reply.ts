/** Answers, before they become a `Response` or are written to one of Node.js's. */
import { createHash } from 'node:crypto'
import type { Refusal } from './wire'

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
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
  vary: 'cookie, authorization',
}

export function reply(
  status: number,
  body: string,
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

export const etagOf = (text: string): string =>
  `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`

/** `no-cache`: a browser keeps it, and asks each time whether it may still use it. */
export function tagged(seen: string | null, tag: string, body: string, type: string): Reply {
  const headers = { etag: tag, 'cache-control': 'private, no-cache' }
  const isKnown = seen !== null && seen.split(',').some((one) => one.trim().replace(/^W\//, '') === tag)
  return isKnown ? reply(304, '', type, headers) : reply(200, body, type, headers)
}
