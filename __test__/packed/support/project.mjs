/** Projects as users have them: copied to a directory of their own, outside of the repository, with the packed package installed by npm. */
import assert from 'node:assert/strict'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { root, run } from '../../support/child.mjs'
import { atEnd } from '../../support/cleanup.mjs'
import { connect, testUrl } from '../../support/mongo.mjs'
import { startRegistry } from './registry.mjs'
import { packageTarball } from './tarballs.mjs'

const INSTALL_TIMEOUT_MS = 180_000

/** From its last words to its end, nothing that ends at once takes longer. */
const AT_ONCE_MS = 1000
/** A busy machine holds nothing up for as long as this, and the engine's farewell takes longer. */
const LINGERING_MS = 4000
const MOST_TRIES = 3

/** npm and its kin are scripts on Windows, which only a shell can start. */
const shell = process.platform === 'win32'

/** The project, installed for one test; see `installProject`. */
export async function project(t, name, options) {
  const installed = await installProject(name, options)
  atEnd(t, () => installed.remove())
  return installed
}

/**
 * Runs what has to end at once after its last words. What took a little longer is run again: a busy machine may hold up any process
 * once, and what is left open holds it up each time.
 *
 * @param run runs it, looks at what it said, and resolves to what `run` of `child.mjs` does
 */
export async function endsAtOnce(run) {
  const lingered = []
  do {
    const { quietMs } = await run()
    if (quietMs < AT_ONCE_MS) return
    lingered.push(Math.round(quietMs))
  } while (lingered.length < MOST_TRIES && lingered.at(-1) < LINGERING_MS)
  assert.fail(`it lingered for ${lingered.join(', ')} ms`)
}

/**
 * Runs a program of a project on a database of its own: it greets, shuts down, and ends by itself.
 *
 * @param options.flags for Node
 * @param options.env added to the program's environment
 */
export async function greets(t, installed, program, { flags = [], env = {} } = {}) {
  await endsAtOnce(async () => {
    const { db } = await connect(t)
    const ownEnv = { MONGO_URL: testUrl(), MONGO_DB: db.databaseName, ...env }
    const result = await installed.node([...flags, program], { env: ownEnv })
    assert.equal(result.stderr, '')
    assert.equal(result.stdout, 'string\ntrue 1970-01-01T00:00:00.000Z\ncompleted\n')
    assert.equal(result.code, 0)
    return result
  })
}

/**
 * Copies a project and installs it.
 *
 * @param name a directory of `__test__/packed/projects`
 * @param options.npm more arguments for `npm install`
 * @returns its `directory`, `bin(name, args)`, `node(args)` and `npm(args)`, which run what they say,
 *   `copy(from, to)` and `remove()`
 */
export async function installProject(name, { npm = [] } = {}) {
  const directory = await mkdtemp(join(tmpdir(), `durabl-${name}-`))
  await cp(join(root, '__test__/packed/projects', name), directory, { recursive: true })
  const options = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error']
  await runNpm(directory, ['install', ...options, ...npm, packageTarball()])
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
