/**
 * Finds and loads the addon, once, when the first `MongoJobQueue` is made. Nothing else in the package needs it.
 */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { isBundled, packageRoot } from '../../base/installation'
import { VERSION } from '../../base/version'
import { requireNamed } from '../packages/named'
import type { NativeAddon } from './addon'
import { broken, missing, noSuchOverride, otherVersion } from './loader-errors'
import { PATH_OVERRIDE, PUBLISHED_TRIPLES, isMuslHere, packageNameOf, platformTriple } from './platform'

/** Parts of the environment that the search depends on; a test passes its own. */
export interface LoaderEnvironment {
  /** The platform's triple, such as `linux-x64-gnu`. */
  readonly triple: string
  /** The package's directory. */
  readonly root: string
  /** The version that the addon must have. */
  readonly version: string
  /** The value of the environment variable that overrides the search, if set. */
  readonly override: string | undefined
  exists(path: string): boolean
  require(request: string): unknown
  /** True if a package can be found, without loading it. */
  finds(packageName: string): boolean
}

let loaded: NativeAddon | null = null

/**
 * The addon.
 *
 * @throws DurablError `ERR_DURABL_ADDON_MISSING`, with advice
 */
export function nativeAddon(): NativeAddon {
  loaded ??= loadAddon(thisEnvironment())
  return loaded
}

/** Searches and loads. A binary that is there and fails to load ends the search: another one would only hide the reason. */
export function loadAddon(environment: LoaderEnvironment): NativeAddon {
  const { triple, root, override, version } = environment
  if (override !== undefined && override !== '') {
    // From the working directory, as any path in the environment; `require` would go from this file.
    const path = resolve(override)
    if (!environment.exists(path)) throw noSuchOverride(path)
    return loadFrom(environment, path, `${path} (from ${PATH_OVERRIDE})`)
  }
  const file = join(root, `durabl.${triple}.node`)
  if (environment.exists(file)) return loadFrom(environment, file, file)
  const packageName = packageNameOf(triple)
  if (environment.finds(packageName)) return loadFrom(environment, packageName, packageName)
  throw missing({
    triple,
    file,
    others: PUBLISHED_TRIPLES.filter((other) => environment.finds(packageNameOf(other))),
    isBundled: isBundled(root, (path) => environment.exists(path)),
    version,
  })
}

function loadFrom(environment: LoaderEnvironment, request: string, shown: string): NativeAddon {
  let addon: Partial<NativeAddon>
  try {
    addon = environment.require(request) as Partial<NativeAddon>
  } catch (error) {
    throw broken(shown, error)
  }
  // An addon without this function is older than the check.
  const version = addon.version?.() ?? 'another version'
  if (version !== environment.version) throw otherVersion(shown, version, environment.version)
  return addon as NativeAddon
}

function thisEnvironment(): LoaderEnvironment {
  return {
    triple: platformTriple(process.platform, process.arch, () => isMuslHere()),
    root: packageRoot(),
    version: VERSION,
    override: process.env[PATH_OVERRIDE],
    exists: existsSync,
    require: (request) => requireNamed(request, loadModule),
    finds,
  }
}

// Under another name, so that bundlers leave it alone: the file is known at run time only.
const loadModule = require

/** A tool that put the binary into a bundle leaves no package to resolve: then only loading it tells. */
function finds(packageName: string): boolean {
  return (
    succeeds(() => loadModule.resolve(`${packageName}/package.json`)) ||
    succeeds(() => requireNamed(packageName, notNamed))
  )
}

function succeeds(look: () => unknown): boolean {
  try {
    look()
    return true
  } catch {
    return false
  }
}

function notNamed(packageName: string): never {
  throw new Error(`durabl names no package ${packageName}`)
}
