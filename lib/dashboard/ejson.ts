/** Payloads as text that loses nothing: relaxed EJSON, with the types that JSON lacks written out. */
import { installedPackage } from '../mongo/bson/package'
import { refuse } from './reply'
import type { Shown } from './wire'
import { MASK, masks } from './mask'

const SHOWN_BYTES = 64 * 1024

/** Deeper values than BSON itself takes. */
const DEEPEST = 200

interface Extended {
  readonly _bsontype: string
  toExtendedJSON?(options: { relaxed: boolean }): unknown
}

const isExtended = (value: object): value is Extended =>
  typeof (value as { _bsontype?: unknown })._bsontype === 'string'

interface Walk {
  readonly isMasked: boolean
  hasMasked: boolean
}

function plain(value: unknown, depth: number, walk: Walk): unknown {
  if (typeof value === 'number') return plainNumber(value)
  if (typeof value === 'bigint') return { $numberLong: String(value) }
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? undefined : value
  if (value instanceof Date) return { $date: Number.isNaN(value.getTime()) ? null : value.toISOString() }
  if (isExtended(value)) return extended(value)
  if (value instanceof Uint8Array) {
    return { $binary: { base64: Buffer.from(value).toString('base64'), subType: '00' } }
  }
  if (value instanceof RegExp) {
    return { $regularExpression: { pattern: value.source, options: value.flags } }
  }
  if (depth > DEEPEST) return '(deeper than this page shows)'
  if (Array.isArray(value)) return value.map((entry) => plain(entry, depth + 1, walk) ?? null)
  return plainRecord(value, depth, walk)
}

function plainNumber(value: number): unknown {
  if (Object.is(value, -0)) return { $numberDouble: '-0.0' }
  return Number.isFinite(value) ? value : { $numberDouble: String(value) }
}

/** Not relaxed: that would round a 64-bit integer. */
function extended(value: Extended): unknown {
  return typeof value.toExtendedJSON === 'function'
    ? value.toExtendedJSON({ relaxed: false })
    : `(${value._bsontype})`
}

function plainRecord(value: object, depth: number, walk: Walk): unknown {
  const entries = Object.entries(value).map(([name, entry]): [string, unknown] => {
    if (!walk.isMasked || !masks(name) || entry == null) return [name, plain(entry, depth + 1, walk)]
    walk.hasMasked = true
    return [name, MASK]
  })
  // `fromEntries` makes own properties of every name, `__proto__` too.
  return Object.fromEntries(entries)
}

/** A value as JSON can hold it: EJSON, with nothing masked. */
export const plainOf = (value: unknown): unknown => plain(value, 0, { isMasked: false, hasMasked: false })

export interface ShownOptions {
  /** Beyond the usual bound, too. Default false. */
  readonly isWhole?: boolean
  /** Default true. */
  readonly isMasked?: boolean
}

export function shown(value: unknown, { isWhole = false, isMasked = true }: ShownOptions = {}): Shown {
  const walk: Walk = { isMasked, hasMasked: false }
  const text = JSON.stringify(plain(value, 0, walk), null, 2) ?? 'undefined'
  const bytes = Buffer.byteLength(text)
  const isCut = !isWhole && bytes > SHOWN_BYTES
  return { text: isCut ? start(text) : text, bytes, isCut, hasMasked: walk.hasMasked }
}

/** A character that is cut in two becomes a replacement character, which is dropped. */
function start(text: string): string {
  return Buffer.from(text)
    .subarray(0, SHOWN_BYTES)
    .toString('utf8')
    .replace(/\uFFFD$/, '')
}

const NEEDS_BSON =
  /"\$(oid|uuid|binary|code|symbol|timestamp|regularExpression|minKey|maxKey|number(Long|Int|Double|Decimal))"\s*:/

interface WithEjson {
  readonly EJSON: { parse(text: string, options: { relaxed: boolean }): unknown }
}

/** @throws Refused if the text is not EJSON */
export function parsed(text: string): unknown {
  try {
    if (NEEDS_BSON.test(text)) {
      return (installedPackage().BSON as unknown as WithEjson).EJSON.parse(text, { relaxed: false })
    }
    return JSON.parse(text, (_name, value: unknown) => dateOf(value) ?? value) as unknown
  } catch (error) {
    return refuse(400, 'malformed', `the value is not EJSON: ${(error as Error).message}`)
  }
}

function dateOf(value: unknown): Date | null {
  if (typeof value !== 'object' || value === null || !('$date' in value)) return null
  return Object.keys(value).length === 1 ? new Date(value.$date as string) : null
}
