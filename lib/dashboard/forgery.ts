/** Requests that change something must come from the page itself, or from a program that says so on purpose. */
import { refuse } from './reply'

/**
 * A page of another site can send forms and plain text with the user's cookies. It can't send a header of the dashboard's or JSON, unless
 * the server allows it beforehand, which this one never does. Browsers also say where a request comes from.
 */
export function assertOwnRequest({ headers }: Request): void {
  const type = headers.get('content-type')?.split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/json') refuse(415, 'not-json', 'the body must be application/json')
  if (headers.get('x-durabl') !== '1') refuse(403, 'forged', 'the header "x-durabl: 1" is missing')
  const site = headers.get('sec-fetch-site')
  if (site !== null && site !== 'same-origin') refuse(403, 'forged', 'the request comes from another site')
  const origin = headers.get('origin')
  if (origin !== null && !isOwn(origin, headers)) {
    refuse(403, 'forged', 'the header "origin" names another host than "host" or "x-forwarded-host"')
  }
}

function isOwn(origin: string, headers: Headers): boolean {
  const host = hostOf(origin)
  const own = [headers.get('host'), headers.get('x-forwarded-host')]
  return (
    host !== null && own.some((name) => name !== null && name.split(',')[0]?.trim().toLowerCase() === host)
  )
}

function hostOf(origin: string): string | null {
  try {
    return new URL(origin).host.toLowerCase() || null
  } catch {
    return null
  }
}
