/** Requests to the JSON API, which has the address of the page itself. */
import type { ActReply, ActRequest, Refusal } from '../wire'

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message)
  }
}

type Params = Readonly<Record<string, string | null | undefined>>

function address(api: string, params: Params): string {
  const query = new URLSearchParams({ api })
  for (const [name, value] of Object.entries(params)) if (value) query.set(name, value)
  return `${location.pathname}?${query}`
}

/** The last answer to each address, for as long as the server says that it is the same. */
const known = new Map<string, { readonly etag: string; readonly value: unknown }>()
const MOST_KNOWN = 20

/** Answers that came with the page, each for the first request. */
const first = new Map<string, unknown>(
  Object.entries(JSON.parse(document.getElementById('root')?.dataset.first ?? '{}') as object),
)

function firstAnswer(url: string): unknown {
  const query = url.slice(url.indexOf('?') + 1)
  const value = first.get(query)
  first.delete(query)
  return value
}

async function refused(response: Response): Promise<never> {
  const refusal = (await response.json().catch(() => null)) as Refusal | null
  if (refusal?.redirect) location.assign(refusal.redirect)
  throw new ApiError(response.status, refusal?.message ?? `the server answered ${response.status}`)
}

export async function get<T>(api: string, params: Params = {}): Promise<T> {
  const url = address(api, params)
  const came = firstAnswer(url)
  if (came !== undefined) return came as T
  const before = known.get(url)
  const response = await fetch(url, {
    cache: 'no-store',
    headers: before ? { 'if-none-match': before.etag } : {},
    signal: AbortSignal.timeout(15_000),
  })
  if (response.status === 304 && before) return before.value as T
  if (!response.ok) return refused(response)
  const value = (await response.json()) as T
  const etag = response.headers.get('etag')
  known.delete(url)
  if (etag) known.set(url, { etag, value })
  for (const oldest of known.keys()) {
    if (known.size <= MOST_KNOWN) break
    known.delete(oldest)
  }
  return value
}

export async function act(request: ActRequest): Promise<ActReply> {
  const response = await fetch(address('act', {}), {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-durabl': '1' },
    body: JSON.stringify(request),
  })
  if (!response.ok) return refused(response)
  return (await response.json()) as ActReply
}
