/** The TypeScript layer and its tests, as a run of mutants sees them. */
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ownFiles } from '../check/files.mjs'
import { root } from '../process.mjs'
import { filesUnder } from '../setup/newest.mjs'
import { testFiles } from '../test/node.mjs'
import { serverForTests } from '../test/server.mjs'
import { say } from '../terminal.mjs'
import { libBench } from './lib-tests.mjs'
import { measureTests } from './reach.mjs'
import { mutantsOf } from './typescript.mjs'
import { typeChecker } from './typecheck.mjs'

/** Tests that need no server, and for what leads to one those that do. */
const TESTS = ['__test__/unit/', '__test__/conformance/dummy', '__test__/conformance/immediate']
const TESTS_WITH_SERVER = [
  '__test__/conformance/mongo',
  '__test__/integration/mongo/',
  '__test__/integration/transactions/',
]
/** These are about other things than `lib/`. */
const NOT_OF_LIB = /^__test__\/unit\/(bench|scripts)\//
const NEEDS_SERVER = /^lib\/(mongo|compat)\//

async function libMutants() {
  const sources = filesUnder('lib').filter((file) => file.endsWith('.ts'))
  const found = sources.flatMap((file) => mutantsOf(file, readFileSync(join(root, file), 'utf8')))
  return found.map((mutant, index) => ({ id: index + 1, ...mutant }))
}

/** A copy of the package and its tests, for its files to be changed. */
async function copyOfPackage(number) {
  const directory = join(root, `target/mutants/lib-${number}`)
  rmSync(directory, { recursive: true, force: true })
  const wanted = (file) => !/^(bench|docs|examples)\//.test(file)
  const files = [...(await ownFiles()).filter(wanted), ...filesUnder('dist')]
  const addons = filesUnder('.').filter((file) => /^[^/]*\.node$/.test(file))
  for (const file of [...files, ...addons]) {
    mkdirSync(dirname(join(directory, file)), { recursive: true })
    cpSync(join(root, file), join(directory, file))
  }
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'))
  return directory
}

export const lib = {
  mutants: libMutants,
  /** Finds out which tests reach which files, and opens so many benches to try the mutants on. */
  async prepare(mutants, { jobs, tests }) {
    const chosen = (file) => tests.length === 0 || tests.some((part) => file.includes(part))
    const files = testFiles(TESTS).filter((file) => !NOT_OF_LIB.test(file) && chosen(file))
    const filesWithServer = mutants.some(({ file }) => NEEDS_SERVER.test(file))
      ? testFiles(TESTS_WITH_SERVER).filter(chosen)
      : []
    const withServer = filesWithServer.length > 0
    const servers = []
    const stop = async () => void (await Promise.all(servers.map((server) => server.stop())))
    const directories = []
    for (let n = 0; n < jobs; n += 1) {
      directories.push(await copyOfPackage(n))
      if (withServer) servers.push(await serverForTests())
    }
    try {
      say('running the tests without a mutant')
      const environment = (n) => (withServer ? { DURABL_TEST_URL: servers[n].url } : {})
      const known = await measureTests([...files, ...filesWithServer], directories[0], environment(0))
      const reaching = (file) =>
        known.filter(
          ({ test, reached }) => reached.has(file) && (NEEDS_SERVER.test(file) || files.includes(test)),
        )
      const isTyped = typeChecker()
      const benches = directories.map((directory, n) =>
        libBench({ directory, env: environment(n), reaching, isTyped }),
      )
      return { benches, tried: mutants, stop }
    } catch (error) {
      await stop()
      throw error
    }
  },
}
