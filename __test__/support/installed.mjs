/** The package as npm would install it, in an empty project: for what must hold when parts of it are missing. */
import { cp, mkdtemp, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { atEnd } from './cleanup.mjs'
import { root, runNode } from './child.mjs'

/**
 * @param t the test's context; the project is removed with the test
 * @param options.addon whether the native engine is there
 * @param options.mongodb whether the peer package is there
 * @returns `run(code, extension)`, which runs a program in the project
 */
export async function project(t, { addon, mongodb }) {
  const directory = await mkdtemp(join(tmpdir(), 'durabl-project-'))
  atEnd(t, () => rm(directory, { recursive: true, force: true }))
  const home = join(directory, 'node_modules/durabl')
  await mkdir(home, { recursive: true })
  const binaries = addon ? (await readdir(root)).filter((name) => name.endsWith('.node')) : []
  for (const name of ['package.json', 'index.mjs', 'dist', ...binaries]) {
    await cp(join(root, name), join(home, name), { recursive: true })
  }
  if (mongodb)
    await symlink(join(root, 'node_modules/mongodb'), join(directory, 'node_modules/mongodb'), 'dir')

  return {
    async run(code, { extension = 'mjs', ...options } = {}) {
      const file = join(directory, `program.${extension}`)
      await writeFile(file, code)
      return runNode([file], { cwd: directory, env: { DURABL_NATIVE_LIBRARY_PATH: '' }, ...options })
    },
  }
}
