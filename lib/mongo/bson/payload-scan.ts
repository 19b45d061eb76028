/** The search for values in a payload that can't be stored, and its largest possible size. */
import { types } from 'node:util'
import type { Codec } from './codec'
import { BSON_VERSION } from './package'

/** MongoDB stores documents of up to 180 levels, the job itself being the first. */
const MAX_LEVELS = 179

/** Longer strings are measured exactly, shorter ones by their largest possible size. */
const LONG_STRING = 512
/** Bytes of UTF-8 for one unit of a string, at most. */
const WIDEST_UNIT = 3

const LARGEST_INT64 = 2n ** 63n - 1n
const SMALLEST_INT64 = -(2n ** 63n)

/** A value that can't be stored: its place, as the keys on the way there, and its kind. */
export interface Flaw {
  readonly path: string[]
  readonly what: string
  /** Found because the way there was too long, which may be a circle. */
  readonly tooDeep: boolean
}

/** One walk over a payload. */
export class Scan {
  /** The payload takes no more than this. Infinite if only the library knows. */
  bytes = 0

  constructor(private readonly codec: Codec) {}

  /** The first flaw; null if there is none. `level`: the depth of a container here. */
  look(value: unknown, level: number): Flaw | null {
    switch (typeof value) {
      case 'string':
        this.bytes += 5 + textSize(value)
        return null
      case 'object':
        return value === null ? null : this.lookInto(value, level)
      case 'bigint':
        this.bytes += 8
        return value > LARGEST_INT64 || value < SMALLEST_INT64
          ? flawed('a bigint that does not fit into 64 bits')
          : null
      case 'function':
        this.bytes = Infinity
        return this.codec.writing.serializeFunctions ? null : flawed('a function')
      case 'symbol':
        return flawed('a symbol')
      default:
        this.bytes += 8
        return null
    }
  }

  private lookInto(original: object, level: number): Flaw | null {
    let value = original
    if (typeof (value as { toBSON?: unknown }).toBSON === 'function') {
      const encoded: unknown = (value as { toBSON(): unknown }).toBSON()
      if (typeof encoded !== 'object' || encoded === null) return this.look(encoded, level)
      value = encoded
    }
    if ('_bsontype' in value && value._bsontype != null) return this.lookAtBson(value)
    // Most values are plain objects; the other questions are for the rest. `types` also knows the values of other realms.
    const isPlain = Object.getPrototypeOf(value) === Object.prototype
    if (!isPlain && types.isUint8Array(value)) {
      this.bytes += 5 + value.byteLength
      return null
    }
    if (!isPlain && types.isDate(value)) {
      this.bytes += 8
      return null
    }
    if (!isPlain && types.isRegExp(value)) {
      this.bytes += 16 + textSize(value.source)
      return null
    }
    // The library would write an empty object, and only the job's run would show it.
    if (!isPlain && types.isPromise(value)) return flawed('a promise: await it first')
    if (level > MAX_LEVELS) {
      return { path: [], what: `nested more than ${MAX_LEVELS} levels deep`, tooDeep: true }
    }
    if (Array.isArray(value)) return this.lookIntoArray(value, level)
    if (!isPlain && types.isMap(value)) return this.lookIntoMap(value, level)
    return this.lookIntoObject(value as Record<string, unknown>, level)
  }

  private lookIntoArray(values: unknown[], level: number): Flaw | null {
    // An element costs its index as text with an end, its type, and its content.
    this.bytes += 5 + 10 * values.length
    for (let index = 0; index < values.length; index += 1) {
      const flaw = this.look(values[index], level + 1)
      if (flaw !== null) return within(String(index), flaw)
    }
    return null
  }

  private lookIntoMap(values: Map<unknown, unknown>, level: number): Flaw | null {
    this.bytes += 5
    for (const [key, value] of values) {
      if (typeof key !== 'string') return flawed(`a Map with a key that is not a string (${typeof key})`)
      this.bytes += 2 + textSize(key)
      const flaw = this.look(value, level + 1)
      if (flaw !== null) return within(key, flaw)
    }
    return null
  }

  private lookIntoObject(values: Record<string, unknown>, level: number): Flaw | null {
    this.bytes += 5
    for (const key of Object.keys(values)) {
      this.bytes += 2 + textSize(key)
      const flaw = this.look(values[key], level + 1)
      if (flaw !== null) return within(key, flaw)
    }
    return null
  }

  private lookAtBson(value: object): Flaw | null {
    const { major } = this.codec
    const version = (value as Record<symbol, unknown>)[BSON_VERSION]
    if (version !== major) {
      const maker = typeof version === 'number' ? `version ${version} of the BSON library` : 'something else'
      return flawed(
        `a BSON value made by ${maker}, where the client uses version ${String(major)}: ` +
          `import it from the same copy of mongodb as the client`,
      )
    }
    this.bytes += bsonSize(value)
    return null
  }
}

function textSize(text: string): number {
  return text.length > LONG_STRING ? Buffer.byteLength(text) : WIDEST_UNIT * text.length
}

/** The size of a BSON value. */
function bsonSize(value: {
  readonly _bsontype?: unknown
  readonly buffer?: { readonly byteLength: number }
}): number {
  switch (value._bsontype) {
    case 'Binary':
      return 9 + (value.buffer?.byteLength ?? Infinity)
    case 'ObjectId':
    case 'Decimal128':
    case 'Long':
    case 'Timestamp':
    case 'Double':
    case 'Int32':
    case 'MinKey':
    case 'MaxKey':
      return 16
    default:
      return Infinity
  }
}

function flawed(what: string): Flaw {
  return { path: [], what, tooDeep: false }
}

/** On the way back up: only a payload with a flaw pays for its path. */
function within(key: string, flaw: Flaw): Flaw {
  flaw.path.push(key)
  return flaw
}
