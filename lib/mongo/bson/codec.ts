/** The app's way of writing and reading BSON: its own library, with the options of its client and database. */
import type { BSONSerializeOptions, Db } from 'mongodb'
import { bsonMajor, installedPackage, packageOf } from './package'
import type { Bson } from './package'

/** A BSON library and the options to use it with. */
export interface Codec {
  readonly bson: Bson
  /** The library's major version. A value of another one can't be encoded. */
  readonly major: unknown
  readonly writing: WriteOptions
  /** Undefined if the app has left all defaults as they are. */
  readonly reading: ReadOptions | undefined
}

export interface WriteOptions {
  readonly serializeFunctions: boolean
  readonly ignoreUndefined: boolean
}

/** Those options of the library that shape its reading. */
export interface ReadOptions {
  readonly promoteValues: boolean
  readonly promoteLongs: boolean
  readonly promoteBuffers: boolean
  readonly useBigInt64: boolean
  readonly bsonRegExp: boolean
  /** Documents within the one that is read stay BSON: a payload that is one, too. */
  readonly raw: boolean
  readonly validation: { readonly utf8: boolean }
}

/** For values that are written again as they were: nothing becomes a value of JavaScript's own that would be written differently. */
export const EXACT_READING: ReadOptions = {
  promoteValues: false,
  promoteLongs: false,
  promoteBuffers: false,
  useBigInt64: false,
  bsonRegExp: true,
  raw: false,
  validation: { utf8: false },
}

const PLAIN_READING: ReadOptions = {
  promoteValues: true,
  promoteLongs: true,
  promoteBuffers: false,
  useBigInt64: false,
  bsonRegExp: false,
  raw: false,
  validation: { utf8: true },
}

/** The codec of this database's collections. */
export function codecOf(db: Db): Codec {
  return codec(packageOf(db), db.bsonOptions)
}

/** The codec of the collections of a client with these options. */
export function codecWith(options: BSONSerializeOptions): Codec {
  return codec(installedPackage(), options)
}

function codec(copy: ReturnType<typeof installedPackage>, options: BSONSerializeOptions): Codec {
  return {
    bson: copy.BSON,
    major: bsonMajor(copy),
    writing: {
      serializeFunctions: options.serializeFunctions ?? false,
      ignoreUndefined: options.ignoreUndefined ?? false,
    },
    reading: readOptions(options),
  }
}

function readOptions(options: BSONSerializeOptions): ReadOptions | undefined {
  const reading: ReadOptions = {
    promoteValues: options.promoteValues ?? PLAIN_READING.promoteValues,
    promoteLongs: options.promoteLongs ?? PLAIN_READING.promoteLongs,
    promoteBuffers: options.promoteBuffers ?? PLAIN_READING.promoteBuffers,
    useBigInt64: options.useBigInt64 ?? PLAIN_READING.useBigInt64,
    bsonRegExp: options.bsonRegExp ?? PLAIN_READING.bsonRegExp,
    raw: options.raw ?? PLAIN_READING.raw,
    validation: { utf8: options.enableUtf8Validation ?? true },
  }
  const isPlain =
    reading.promoteValues &&
    reading.promoteLongs &&
    !reading.promoteBuffers &&
    !reading.useBigInt64 &&
    !reading.bsonRegExp &&
    !reading.raw &&
    reading.validation.utf8
  return isPlain ? undefined : reading
}
