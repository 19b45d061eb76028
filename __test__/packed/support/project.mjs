/** Projects as users have them: copied to a directory of their own, outside of the repository, with the packed package installed by npm. */
import assert from 'node:assert/strict'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { root, run } from '../../support/child.mjs'
import { startRegistry } from './registry.mjs'
import { packageTarball } from './tarballs.mjs'

const INSTALL_TIMEOUT_MS = 180_000

/** npm and its kin are scripts on Windows, which only a shell can start. */
const shell = process.platform === 'win32'

/**
 * Copies a project and installs it.
 *
 * @param name a directory of `__test__/packed/projects`
 * @param options.npm more arguments for `npm install`
 * @returns its `directory`, `bin(name, args)` and `node(args)`, which run what they say, and `remove()`
 */
export async function installProject(name, { npm = [] } = {}) {
  const directory = await mkdtemp(join(tmpdir(), `durabl-${name}-`))
  await cp(join(root, '__test__/packed/projects', name), directory, { recursive: true })
  await install(directory, npm)
  const path = [join(directory, 'node_modules/.bin'), dirname(process.execPath), process.env.PATH]
  const env = { PATH: path.join(delimiter), DURABL_NATIVE_LIBRARY_PATH: '' }
  const inProject = (options) => ({ cwd: directory, timeoutMs: 120_000, ...options, env: { ...env, ...options?.env } })
  return {
    directory,
    bin: (command, args, options) => run(command, args, { ...inProject(options), shell }),
    node: (args, options) => run(process.execPath, args, inProject(options)),
    remove: () => rm(directory, { recursive: true, force: true, maxRetries: 3 }),
  }
}

async function install(directory, npm) {
  const registry = await startRegistry()
  try {
    await writeFile(join(directory, '.npmrc'), `@durabl:registry=${registry.address}/\n`)
    const args = ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error', ...npm, packageTarball()]
    const { code, stdout, stderr } = await run('npm', args, { cwd: directory, shell, timeoutMs: INSTALL_TIMEOUT_MS })
    assert.equal(code, 0, `${stdout}\n${stderr}`)
  } finally {
    await registry.close()
  }
}
