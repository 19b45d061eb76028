import { readdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { root } from '../process.mjs'

/** Every file under these paths (files or directories, relative to the root or absolute); missing ones are left out. */
export function filesUnder(...paths) {
  return paths.flatMap((path) => {
    const stat = statSync(resolve(root, path), { throwIfNoEntry: false })
    if (!stat) return []
    if (!stat.isDirectory()) return [path]
    return readdirSync(resolve(root, path)).flatMap((name) => filesUnder(join(path, name)))
  })
}

/** When the newest of these files was written, in milliseconds since the epoch; 0 if there is none. */
export function newest(...paths) {
  return Math.max(0, ...filesUnder(...paths).map((file) => statSync(resolve(root, file)).mtimeMs))
}
