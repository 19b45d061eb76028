/** The shapes that the engine accepts: the app's driver takes some values as they come, and the addon takes numbers for others than they are. */
import type { NativeConnection } from '../native/addon'

interface Shape {
  /** The option, as an app knows it. */
  readonly option: string
  /** The allowed values, to follow "it must be". */
  readonly allowed: string
  readonly fits: (value: unknown) => boolean
}

const text = (option: string): Shape => ({
  option,
  allowed: 'text',
  fits: (value) => typeof value === 'string',
})
const flag = (option: string): Shape => ({
  option,
  allowed: 'true or false',
  fits: (value) => typeof value === 'boolean',
})
const whole = (option: string, most: number, least = 0): Shape => ({
  option,
  allowed: `a whole number from ${least} to ${most}`,
  fits: (value) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most,
})
const time = (option: string): Shape => ({
  option,
  allowed: 'a number that is not negative',
  fits: (value) => typeof value === 'number' && value >= 0,
})

const LARGEST = 2 ** 32 - 1

const W = whole('w', LARGEST, 1)

const isTagSet = (set: unknown): boolean =>
  typeof set === 'object' && set !== null && Object.values(set).every((value) => typeof value === 'string')

/** By the addon's names; the driver itself checks the others. */
const SHAPES: Partial<Record<keyof NativeConnection, Shape>> = {
  srvMaxHosts: whole('srvMaxHosts', LARGEST),
  username: text('auth.username'),
  password: text('auth.password'),
  awsSessionToken: text('authMechanismProperties.AWS_SESSION_TOKEN'),
  zlibCompressionLevel: whole('zlibCompressionLevel', 2 ** 31 - 1),
  maxPoolSize: whole('maxPoolSize', LARGEST),
  minPoolSize: whole('minPoolSize', LARGEST),
  maxConnecting: whole('maxConnecting', LARGEST, 1),
  readConcernLevel: text('readConcernLevel'),
  writeConcernW: {
    ...W,
    allowed: `text, or ${W.allowed}`,
    fits: (value) => typeof value === 'string' || W.fits(value),
  },
  writeConcernJournal: flag('journal'),
  writeConcernTimeoutMs: time('wtimeoutMS'),
  readPreferenceMode: text('readPreference'),
  readPreferenceTags: {
    option: 'readPreferenceTags',
    allowed: 'objects of text',
    fits: (value) => Array.isArray(value) && value.every(isTagSet),
  },
  maxStalenessSeconds: time('maxStalenessSeconds'),
  serverApiStrict: flag('serverApi.strict'),
  serverApiDeprecationErrors: flag('serverApi.deprecationErrors'),
  proxyPort: whole('proxyPort', 65_535),
}

/** Adds to `refused` the values that the engine can't take. No value is quoted: some are credentials. */
export function refuseMisshapen(connection: NativeConnection, refused: string[]): void {
  for (const [name, { option, allowed, fits }] of Object.entries(SHAPES)) {
    const value = connection[name as keyof NativeConnection]
    if (value !== null && !fits(value)) refused.push(`${option}: it must be ${allowed}`)
  }
}
