/** The platforms that binaries are published for, and their names. */
import { readFileSync } from 'node:fs'

/** The platforms that binaries are published for, in one package each. */
export const PUBLISHED_TRIPLES: readonly string[] = [
  'linux-x64-gnu',
  'linux-arm64-gnu',
  'linux-x64-musl',
  'linux-arm64-musl',
  'darwin-x64',
  'darwin-arm64',
  'win32-x64-msvc',
]

/** Overrides the place of the addon: a path to a `.node` file, from the working directory if it is relative. */
export const PATH_OVERRIDE = 'DURABL_NATIVE_LIBRARY_PATH'

/** The package that holds a platform's binary. */
export function packageNameOf(triple: string): string {
  return `@durabl/durabl-${triple}`
}

/** The triple of a platform, as the build tool spells it. */
export function platformTriple(platform: string, arch: string, isMusl: () => boolean): string {
  if (platform === 'linux') return `linux-${arch}-${isMusl() ? 'musl' : 'gnu'}`
  return platform === 'win32' ? `win32-${arch}-msvc` : `${platform}-${arch}`
}

/**
 * True if this system's C library is musl. The dynamic linker's front end names its maker. It is missing in images that hold nothing but
 * Node; then Node's own report tells.
 *
 * @param readLinker for tests
 */
export function isMuslHere(readLinker = () => readFileSync('/usr/bin/ldd', 'utf8')): boolean {
  try {
    return readLinker().includes('musl')
  } catch {
    return glibcVersion() === undefined
  }
}

function glibcVersion(): string | undefined {
  const report = process.report as { excludeNetwork?: boolean; getReport(): object }
  const before = report.excludeNetwork
  // It would look up the names of all peers, which can take seconds.
  report.excludeNetwork = true
  try {
    return (report.getReport() as { header?: { glibcVersionRuntime?: string } }).header?.glibcVersionRuntime
  } finally {
    report.excludeNetwork = before
  }
}
