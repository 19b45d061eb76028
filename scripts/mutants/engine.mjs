/** The engine and its tests, as a run of mutants sees them. */
import { say } from '../terminal.mjs'
import { compileMutants, rustMutants } from './rust.mjs'
import { rustBench } from './rust-tests.mjs'

export const engine = {
  mutants: rustMutants,
  /** Compiles these mutants, and opens so many benches to try them on. */
  async prepare(mutants, { jobs, tests }) {
    say('compiling them, all together')
    const programs = await compileMutants(mutants)
    const tried = mutants.filter(({ id }) => programs.ids.has(id))
    say(`${mutants.length - tried.length} of them can't be compiled, or not be switched on at run time`)
    const benches = []
    const stop = async () => void (await Promise.all(benches.map((bench) => bench.stop())))
    try {
      for (let n = 0; n < jobs; n += 1) benches.push(await rustBench(programs, tests))
      const limits = await benches[0].measure()
      for (const bench of benches) bench.limits = limits
    } catch (error) {
      await stop()
      throw error
    }
    return { benches, tried, stop }
  },
}
