/** The engine and its tests, as a run of mutants sees them. */
import { say } from '../terminal.mjs'
import { serverForTests } from '../test/server.mjs'
import { Catches } from './chunks.mjs'
import { compileMutants, rustMutants } from './rust.mjs'
import { measureRustTests } from './rust-reach.mjs'
import { rustBench } from './rust-tests.mjs'

/** Tests that run at once on a server while they are measured. */
const MEASURED_AT_ONCE = 2

/** Drops the databases of tests that were broken off. A server that others use is left as it is. */
async function cleanerOf({ url, servers }) {
  if (!servers) return { cleanUp: async () => {}, close: async () => {} }
  const { MongoClient } = await import('mongodb')
  const client = await MongoClient.connect(url)
  const cleanUp = async () => {
    const { databases } = await client.db('admin').command({ listDatabases: 1, nameOnly: true })
    const own = databases.filter(({ name }) => name.startsWith('durabl_'))
    // One that is being dropped, or written to, refuses; the next time it does not.
    await Promise.allSettled(own.map(({ name }) => client.db(name).dropDatabase()))
  }
  return { cleanUp, close: () => client.close() }
}

/** By the id of a mutant, its function's number and the tests that reach it. */
function reachOf(functions, tests, mutants) {
  const fileOf = new Map(mutants.map(({ id, file }) => [id, file]))
  const byFunction = new Map(functions.map((ids) => [ids[0], []]))
  for (const test of tests) {
    test.reachedByFile = new Map()
    for (const number of test.reached) {
      const file = fileOf.get(number)
      test.reachedByFile.set(file, (test.reachedByFile.get(file) ?? 0) + 1)
      byFunction.get(number)?.push(test)
    }
  }
  return new Map(
    functions.flatMap((ids) => ids.map((id) => [id, { place: ids[0], tests: byFunction.get(ids[0]) }])),
  )
}

export const engine = {
  mutants: rustMutants,
  /** Compiles all mutants, finds out which tests reach them, and opens so many benches to try these ones on. */
  async prepare(chosen, { jobs, tests: stages, budgetMs }) {
    const mutants = await rustMutants()
    const programs = await compileMutants(mutants)
    const [servers, cleaners] = [[], []]
    const stop = async () => {
      await Promise.all(cleaners.map((cleaner) => cleaner.close()))
      await Promise.all(servers.map((server) => server.stop()))
    }
    try {
      for (let n = 0; n < jobs; n += 1) servers.push(await serverForTests())
      for (const server of servers) cleaners.push(await cleanerOf(server))
      const environments = servers.map(({ url }) => ({ DURABL_TEST_URL: url }))
      const atOnce = environments.flatMap((env) => Array.from({ length: MEASURED_AT_ONCE }, () => env))
      const all = await measureRustTests(programs, atOnce)
      const reach = reachOf(
        programs.functions,
        all.filter(({ stage }) => stages.length === 0 || stages.includes(stage)),
        mutants,
      )
      const tried = chosen
        .filter(({ id }) => reach.has(id))
        .map((mutant) => {
          const { place, tests } = reach.get(mutant.id)
          return { ...mutant, place, tests: tests.length }
        })
      say(`${chosen.length - tried.length} of them can't be compiled, or not be switched on at run time`)
      const reaching = ({ id }) => reach.get(id).tests
      const catches = new Catches()
      const benches = environments.map((env, n) =>
        rustBench(programs, { env, reaching, catches, budgetMs, cleanUp: cleaners[n].cleanUp }),
      )
      return { benches, tried, stop, sources: programs.sources }
    } catch (error) {
      await stop()
      throw error
    }
  },
}
