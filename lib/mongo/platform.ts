/** The platforms that binaries are published for, and how they are named. */
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

/** Overrides where the addon is loaded from: a path to a `.node` file, from the working directory if it is relative. */
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

/** The dynamic linker's front end says whose it is; where it is missing, Node's own report does. */
export function isMuslHere(): boolean {
  try {
    return readFileSync('/usr/bin/ldd', 'utf8').includes('musl')
  } catch {
    const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined
    return report?.header?.glibcVersionRuntime === undefined
  }
}
