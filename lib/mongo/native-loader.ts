/**
 * Finds and loads the addon, once, when the first `MongoJobQueue` is made. Nothing else in the package needs it.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { DurablError } from '../errors'
import type { NativeAddon } from './native'

/** Platform packages are named by this and the platform's triple. */
const PACKAGE_PREFIX = '@durabl/durabl-'

/** The platforms that binaries are published for. */
const PUBLISHED = [
  'linux-x64-gnu',
  'linux-arm64-gnu',
  'linux-x64-musl',
  'linux-arm64-musl',
  'darwin-x64',
  'darwin-arm64',
  'win32-x64-msvc',
]

/** Overrides where the addon is loaded from: a path to a `.node` file, from the working directory if it is relative. */
const PATH_OVERRIDE = 'DURABL_NATIVE_LIBRARY_PATH'

/** What the search depends on; a test passes its own. */
export interface LoaderEnvironment {
  /** The platform's triple, such as `linux-x64-gnu`. */
  readonly triple: string
  /** The package's directory. */
  readonly root: string
  /** The value of the environment variable that overrides the search, if set. */
  readonly override: string | undefined
  exists(path: string): boolean
  require(request: string): unknown
}

let loaded: NativeAddon | null = null

/**
 * The addon.
 *
 * @throws DurablError `ERR_DURABL_ADDON_MISSING`, with what to do about it
 */
export function nativeAddon(): NativeAddon {
  loaded ??= loadAddon(thisEnvironment())
  return loaded
}

/** Searches and loads. A binary that is there and fails to load ends the search: another one would only hide why. */
export function loadAddon(environment: LoaderEnvironment): NativeAddon {
  const { triple, root, override } = environment
  if (override !== undefined && override !== '') {
    // From the working directory, as any path in the environment; `require` would go from this file.
    const path = resolve(override)
    if (!environment.exists(path)) throw noSuchOverride(path)
    return loadFrom(environment, path, `${path} (from ${PATH_OVERRIDE})`)
  }
  const file = join(root, `durabl.${triple}.node`)
  if (environment.exists(file)) return loadFrom(environment, file, file)
  const packageName = PACKAGE_PREFIX + triple
  try {
    return environment.require(packageName) as NativeAddon
  } catch (error) {
    if (isMissing(error, packageName)) throw missing(triple, packageName, file)
    throw broken(packageName, error)
  }
}

function loadFrom(environment: LoaderEnvironment, path: string, shown: string): NativeAddon {
  try {
    return environment.require(path) as NativeAddon
  } catch (error) {
    throw broken(shown, error)
  }
}

function isMissing(error: unknown, packageName: string): boolean {
  return (
    error instanceof Error &&
    (error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND' &&
    error.message.includes(packageName)
  )
}

function missing(triple: string, packageName: string, file: string): DurablError {
  const found = `durabl's native engine for ${triple} is not installed: neither the package ${packageName} nor ${file} is there.`
  const fix = PUBLISHED.includes(triple)
    ? 'It is an optional dependency: reinstall with `npm install --include=optional`; if the lock file was made on ' +
      `another platform, run \`npm install ${packageName}\`. In a checkout of durabl, run \`npm run build:addon\`.`
    : `No binary is published for this platform (only for ${PUBLISHED.join(', ')}). Build it from source with ` +
      `\`npm run build:addon\` (needs Rust) and name the file in ${PATH_OVERRIDE}.`
  return new DurablError('ERR_DURABL_ADDON_MISSING', `${found} ${fix}`)
}

function noSuchOverride(path: string): DurablError {
  return new DurablError(
    'ERR_DURABL_ADDON_MISSING',
    `durabl's native engine is not at ${path}, where ${PATH_OVERRIDE} says it is: correct the variable, or unset it.`,
  )
}

function broken(shown: string, cause: unknown): DurablError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  const message = `durabl's native engine is there and can't be loaded: ${shown}: ${reason}`
  return new DurablError('ERR_DURABL_ADDON_MISSING', message, { cause })
}

function thisEnvironment(): LoaderEnvironment {
  return {
    triple: platformTriple(process.platform, process.arch, isMusl),
    root: join(__dirname, '..', '..'),
    override: process.env[PATH_OVERRIDE],
    exists: existsSync,
    require: (request) => loadModule(request) as unknown,
  }
}

// Under another name, so that bundlers leave it alone: what it loads is known at run time only.
const loadModule = require

/** The triple of a platform, as the build tool spells it. */
export function platformTriple(platform: string, arch: string, isMuslLinux: () => boolean): string {
  if (platform === 'linux') return `linux-${arch}-${isMuslLinux() ? 'musl' : 'gnu'}`
  return platform === 'win32' ? `win32-${arch}-msvc` : `${platform}-${arch}`
}

/** The dynamic linker's front end says whose it is; where it is missing, Node's own report does. */
function isMusl(): boolean {
  try {
    return readFileSync('/usr/bin/ldd', 'utf8').includes('musl')
  } catch {
    const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined
    return report?.header?.glibcVersionRuntime === undefined
  }
}
