/** Reasons that the addon could not be loaded, and advice on each. */
import { DurablError } from '../../base/errors'
import { KEEP_EXTERNAL } from '../../base/installation'
import { fromCaller } from '../../base/stack'
import { PATH_OVERRIDE, PUBLISHED_TRIPLES, packageNameOf } from './platform'

/** Facts about a binary that was not found. */
export interface Missing {
  readonly triple: string
  /** Path that the binary would have in a checkout. */
  readonly file: string
  /** The platforms whose binaries are installed instead. */
  readonly others: readonly string[]
  /** True if durabl's code is part of a bundle. */
  readonly isBundled: boolean
  /** The version that the binary must have. */
  readonly version: string
}

/** No binary for this platform is there. */
export function missing({ triple, file, others, isBundled, version }: Missing): DurablError {
  const packageName = packageNameOf(triple)
  if (isBundled) {
    return addonError(
      `durabl's native engine for ${triple} was not found, and durabl's own code seems to be part of a bundle, ` +
        `which a native engine cannot be. ${KEEP_EXTERNAL} If the bundle is meant to carry durabl, install ` +
        `${packageName}@${version} beside it, or name its file in ${PATH_OVERRIDE}.`,
    )
  }
  const found = `durabl's native engine for ${triple} is not installed: neither the package ${packageName} nor ${file} is there.`
  return addonError(`${found} ${instead(others)}${fix(triple, `${packageName}@${version}`)}`)
}

function instead(others: readonly string[]): string {
  if (others.length === 0) return ''
  const names = others.map(packageNameOf).join(' and ')
  return `There is ${names} instead, so these node_modules were installed for another platform. `
}

/**
 * Not saved: among an app's own dependencies, which are not optional, a package for one platform would make installing fail on all
 * others.
 */
function fix(triple: string, wanted: string): string {
  return PUBLISHED_TRIPLES.includes(triple)
    ? 'It is an optional dependency: on this platform, reinstall with `npm install --include=optional`; if the lock file ' +
        `was made on another platform, run \`npm install --no-save ${wanted}\` after installing. For images, pnpm and Yarn see ` +
        'docs/how-to/install.md in the package. In a checkout of durabl, run `npm run build:addon`.'
    : `No binary is published for this platform (only for ${PUBLISHED_TRIPLES.join(', ')}). Build it from source with ` +
        `\`npm run build:addon\` (needs Rust) and name the file in ${PATH_OVERRIDE}.`
}

export function noSuchOverride(path: string): DurablError {
  return addonError(
    `durabl's native engine is not at ${path}, where ${PATH_OVERRIDE} says it is: correct the variable, or unset it.`,
  )
}

/** A binary is there, and can't be loaded. The system's own words give the reason: a libc too old, a damaged file; or Node.js forbids addons. */
export function broken(shown: string, cause: unknown): DurablError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  const isForbidden = (cause as { code?: unknown } | null)?.code === 'ERR_DLOPEN_DISABLED'
  const advice = isForbidden
    ? 'This process was started without the right to load addons: start it without `--no-addons`; under `--permission`, add `--allow-addons`.'
    : 'If the file is damaged or was made for another system, reinstall durabl where it is to run.'
  return addonError(
    `durabl's native engine is there and can't be loaded: ${shown}: ${reason}. ${advice}`,
    cause,
  )
}

/** A binary is there, of another make than the JavaScript around it. */
export function otherVersion(shown: string, version: string, wanted: string): DurablError {
  return addonError(
    `durabl ${wanted} found ${version} of its native engine: ${shown}. Both must be of one version: reinstall with ` +
      `\`npm install durabl@${wanted}\`. In a checkout of durabl, run \`npm run build:addon\`.`,
  )
}

function addonError(message: string, cause?: unknown): DurablError {
  return fromCaller(
    new DurablError('ERR_DURABL_ADDON_MISSING', message, cause === undefined ? {} : { cause }),
  )
}
