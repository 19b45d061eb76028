/**
 * The app's own copy of the `mongodb` package. It encodes and decodes payloads, so that they come out as from any other collection of the app.
 * It is looked for when it is first needed.
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Db, MongoClient } from 'mongodb'
import { DurablError } from '../../base/errors'
import { KEEP_EXTERNAL, isBundled } from '../../base/installation'
import { fromCaller } from '../../base/stack'
import { requireNamed } from '../packages/named'

/** The parts of the package's BSON that durabl uses. */
export interface Bson {
  serialize(document: object, options: { serializeFunctions: boolean; ignoreUndefined: boolean }): Uint8Array
  deserialize(bytes: Uint8Array, options?: object): Record<string, unknown>
  calculateObjectSize(
    document: object,
    options: { serializeFunctions: boolean; ignoreUndefined: boolean },
  ): number
}

/** A copy of the package. */
export interface MongodbPackage {
  readonly BSON: Bson
  readonly MongoClient: new (...args: never[]) => MongoClient
  readonly ObjectId: { readonly prototype: object }
}

/** BSON values carry the major version of the library that made them; only the same one can encode them. */
export const BSON_VERSION = Symbol.for('@@mdb.bson.version')

const OLDEST_BSON = 6

/**
 * The copy that made `db`; or, if it can't be told, one that is installed beside the app.
 *
 * @throws DurablError `ERR_DURABL_DRIVER_MISSING`
 */
export function packageOf(db: Db): MongodbPackage {
  const fallback: MongodbPackage[] = []
  for (const candidate of candidates()) {
    if (db.client instanceof candidate.MongoClient) return supported(candidate, ofDb)
    fallback.push(candidate)
  }
  // The app's copy hides, as behind a bundler. Values of another major version are refused when they are met.
  return supported(fallback[0])
}

/** The copy that the app would get. */
export function installedPackage(): MongodbPackage {
  const [first] = candidates()
  return supported(first)
}

/** The major version of a copy's BSON library. */
export function bsonMajor(copy: MongodbPackage): unknown {
  return (copy.ObjectId.prototype as Record<symbol, unknown>)[BSON_VERSION]
}

/** The copy that an app has installed may be new enough, and another one, such as Mongoose's own, have made its `Db`. */
const ofDb = (major: string) =>
  new DurablError(
    'ERR_DURABL_DRIVER_MISSING',
    `MongoJobQueue: { db } is of another copy of the package mongodb than 6 or 7: its BSON library is version ${major}. Mongoose 7 ` +
      'brings such a copy along: use Mongoose 8 or newer, or give MongoJobQueue a Db of your own client, or { uri, database }.',
  )

function supported(
  copy: MongodbPackage | undefined,
  tooOld?: (major: string) => DurablError,
): MongodbPackage {
  if (copy === undefined) {
    throw missing('the package mongodb, which encodes the payloads, is not installed')
  }
  const major = bsonMajor(copy)
  if (typeof major !== 'number' || major < OLDEST_BSON) {
    if (tooOld !== undefined)
      throw fromCaller(tooOld(typeof major === 'number' ? String(major) : '4 or older'))
    throw missing('the installed package mongodb is too old')
  }
  return copy
}

function missing(what: string): DurablError {
  const bundled = isBundled() ? ` Durabl's own code seems to be part of a bundle. ${KEEP_EXTERNAL}` : ''
  const message = `MongoJobQueue: ${what}: run \`npm install mongodb\` (6 or 7).${bundled}`
  return fromCaller(new DurablError('ERR_DURABL_DRIVER_MISSING', message))
}

/** Copies in the order of how likely they are the app's, each at most once, found only as far as they are asked for. */
function* candidates(): Generator<MongodbPackage> {
  const seen = new Set<unknown>()
  for (const look of [fromHere, fromMain, fromWorkingDirectory]) {
    const copy = look()
    if (!isPackage(copy) || seen.has(copy)) continue
    seen.add(copy)
    yield copy
  }
  for (const copy of alreadyLoaded()) {
    if (!seen.has(copy)) yield copy
    seen.add(copy)
  }
}

const loadModule = require

function fromHere(): unknown {
  return attempt(() => requireNamed('mongodb', loadModule))
}

function fromMain(): unknown {
  const main = loadModule.main?.filename
  return main === undefined ? null : attempt(() => createRequire(main)('mongodb') as unknown)
}

function fromWorkingDirectory(): unknown {
  return attempt(() => createRequire(join(process.cwd(), 'index.js'))('mongodb') as unknown)
}

/** Each package that the app has loaded, from any path: in a monorepo that may be none of the above. */
function* alreadyLoaded(): Generator<MongodbPackage> {
  for (const [path, module] of Object.entries(loadModule.cache ?? {})) {
    if (!/mongodb[^\\/]*[\\/]lib[\\/]index\.js$/.test(path)) continue
    const copy: unknown = module?.exports
    if (isPackage(copy)) yield copy
  }
}

function attempt(load: () => unknown): unknown {
  try {
    return load()
  } catch (error) {
    // Not installed there. Anything else would be a broken installation, which the user should see.
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return null
    throw error
  }
}

function isPackage(copy: unknown): copy is MongodbPackage {
  if (typeof copy !== 'object' || copy === null) return false
  const { BSON, MongoClient, ObjectId } = copy as Partial<MongodbPackage>
  return (
    typeof BSON?.serialize === 'function' &&
    typeof MongoClient === 'function' &&
    typeof ObjectId === 'function'
  )
}
