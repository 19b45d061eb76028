/**
 * The directory in which this package is installed, and advice if it is not. Bundlers take code in, and leave behind the files that it
 * needs at run time.
 */
import { existsSync } from 'node:fs'
import { join, sep } from 'node:path'

/** The package's directory: above `dist`, in which the code is, compiled file by file or published as a bundle. Any directory in an app's bundle. */
export function packageRoot(): string {
  const own = ownDirectory()
  const at = `${own}${sep}`.lastIndexOf(`${sep}dist${sep}`)
  return at < 0 ? own : own.slice(0, at)
}

/** In a bundle that is an ES module there is no such thing. */
function ownDirectory(): string {
  return typeof __dirname === 'string' ? __dirname : process.cwd()
}

/** True if durabl's code is part of an app's bundle: then the directory that would be its own does not exist. */
export function isBundled(root = packageRoot(), exists: (path: string) => boolean = existsSync): boolean {
  // A file that is never part of a bundle, as it is chosen by a condition of the manifest.
  return !exists(join(root, 'dist', 'mongo', 'packages', 'none.mjs'))
}

/** Advice for users of a bundler. */
export const KEEP_EXTERNAL =
  'Keep durabl and mongodb external (esbuild: `--external:durabl --external:mongodb`; webpack, Rollup, Vite: `external` ' +
  'or `externals`), and installed beside the bundle.'
