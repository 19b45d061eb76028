import { PayloadError } from '../errors'

/** MongoDB refuses documents that are nested more deeply than about this. */
const MOST_LEVELS = 180

/**
 * Refuses a payload that MongoDB could not keep, so that a test in memory finds out as well: functions, symbols, cycles, and
 * nesting without end. Values that know how to encode themselves are taken at their word.
 */
export function checkPayload(where: string, data: unknown): void {
  const path: object[] = []
  const refuse = (name: string, what: string): never => {
    throw new PayloadError(
      'ERR_DURABL_PAYLOAD_NOT_ENCODABLE',
      `${where}: the payload can't be stored: ${name} is ${what}`,
    )
  }
  const visit = (value: unknown, name: string): void => {
    if (typeof value === 'function') refuse(name, 'a function')
    if (typeof value === 'symbol') refuse(name, 'a symbol')
    if (typeof value !== 'object' || value === null || encodesItself(value)) return
    if (path.includes(value)) refuse(name, 'a reference to an object that contains it')
    if (path.length >= MOST_LEVELS) refuse(name, `nested more than ${MOST_LEVELS} levels deep`)
    path.push(value)
    const entries: Iterable<[unknown, unknown]> = value instanceof Map ? value : Object.entries(value)
    for (const [key, element] of entries) visit(element, `${name}.${shorten(String(key))}`)
    path.pop()
  }
  visit(data, 'data')
}

function shorten(key: string): string {
  return key.length > 40 ? `${key.slice(0, 39)}…` : key
}

function encodesItself(value: object): boolean {
  if (value instanceof Date || value instanceof RegExp || ArrayBuffer.isView(value)) return true
  return '_bsontype' in value || ('toBSON' in value && typeof value.toBSON === 'function')
}
