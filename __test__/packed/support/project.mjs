/** Projects as users have them: copied to a directory of their own, outside of the repository, with the packed package installed by npm. */
import assert from 'node:assert/strict'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, delimiter, dirname, join } from 'node:path'
import { root, run } from '../../support/child.mjs'
import { atEnd } from '../../support/cleanup.mjs'
import { connect, testUrl } from '../../support/mongo.mjs'
import { startRegistry } from './registry.mjs'
import { packageTarball } from './tarballs.mjs'

const INSTALL_TIMEOUT_MS = 180_000

/** From its last words to its end, nothing that ends at once takes longer. The engine's farewell would take five seconds. */
const AT_ONCE_MS = 1000

/** npm and its kin are scripts on Windows, which only a shell can start. */
const shell = process.platform === 'win32'

/** The project, installed for one test; see `installProject`. */
export async function project(t, name, options) {
  const installed = await installProject(name, options)
  atEnd(t, () => installed.remove())
  return installed
}

/** Fails unless a program ended at once after its last words; `result` is what `run` of `child.mjs` resolves to. */
export function assertEndedAtOnce({ quietMs }) {
  assert.ok(quietMs < AT_ONCE_MS, `it lingered for ${Math.round(quietMs)} ms`)
}

/**
 * Runs a program of a project on a database of its own: it greets, shuts down, and ends by itself.
 *
 * @param options.flags for Node
 * @param options.env added to the program's environment
 */
export async function greets(t, installed, program, { flags = [], env = {} } = {}) {
  const { db } = await connect(t)
  const ownEnv = { MONGO_URL: testUrl(), MONGO_DB: db.databaseName, ...env }
  const result = await installed.node([...flags, program], { env: ownEnv })
  assert.equal(result.stderr, '')
  assert.equal(result.stdout, 'string\ntrue 1970-01-01T00:00:00.000Z\ncompleted\n')
  assert.equal(result.code, 0)
  assertEndedAtOnce(result)
}

/**
 * Copies a project and installs it.
 *
 * @param name a directory of `__test__/packed/projects`, or `examples/…`
 * @param options.npm more arguments for `npm install`
 * @param options.tarball the package to install, if it is not the one that is published
 * @returns its `directory`, `bin(name, args)`, `node(args)` and `npm(args)`, which run what they say,
 *   `copy(from, to)` and `remove()`
 */
export async function installProject(name, { npm = [], tarball = packageTarball() } = {}) {
  const directory = await mkdtemp(join(tmpdir(), `durabl-${basename(name)}-`))
  const from = name.startsWith('examples/') ? name : join('__test__/packed/projects', name)
  await cp(join(root, from), directory, { recursive: true })
  const options = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error']
  await runNpm(directory, ['install', ...options, ...npm, tarball])
  const path = [join(directory, 'node_modules/.bin'), dirname(process.execPath), process.env.PATH]
  const env = { PATH: path.join(delimiter), DURABL_NATIVE_LIBRARY_PATH: '' }
  const inProject = (options) => ({
    cwd: directory,
    timeoutMs: 120_000,
    ...options,
    env: { ...env, ...options?.env },
  })
  return {
    directory,
    bin: (command, args, options) => run(command, args, { ...inProject(options), shell }),
    node: (args, options) => run(process.execPath, args, inProject(options)),
    npm: (args) => runNpm(directory, args),
    copy: (from, to) => cp(join(directory, from), join(directory, to)),
    remove: () => rm(directory, { recursive: true, force: true, maxRetries: 3 }),
  }
}

/** Runs npm in a project, with the platforms' packages to be had. */
async function runNpm(directory, args) {
  const registry = await startRegistry()
  try {
    await writeFile(join(directory, '.npmrc'), `@durabl:registry=${registry.address}/\n`)
    const { code, stdout, stderr } = await run('npm', args, {
      cwd: directory,
      shell,
      timeoutMs: INSTALL_TIMEOUT_MS,
    })
    assert.equal(code, 0, `${stdout}\n${stderr}`)
  } finally {
    await registry.close()
  }
}
