/** Where this package is installed, and what to say if it is not: bundlers take code in, and leave behind what it needs at run time. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** The package's directory. Of a bundle that took durabl in: some directory. */
export function packageRoot(): string {
  return join(ownDirectory(), '..', '..')
}

/** In a bundle that is an ES module there is no such thing. */
function ownDirectory(): string {
  return typeof __dirname === 'string' ? __dirname : process.cwd()
}

/** Whether durabl's code is part of a bundle: then the directory that would be its own is not. */
export function isBundled(root = packageRoot(), exists: (path: string) => boolean = existsSync): boolean {
  return !exists(join(root, 'dist', 'base', 'installation.js'))
}

/** What a bundler has to be told. */
export const KEEP_EXTERNAL =
  'Keep durabl and mongodb external (esbuild: `--external:durabl --external:mongodb`; webpack, Rollup, Vite: `external` ' +
  'or `externals`), and installed beside the bundle.'
