/** The checker, checked: bugs are planted, and each is found, by the law that it breaks. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startFaultCluster } from './cluster.mjs'
import { runEpisode } from './episode.mjs'
import { MUTANTS } from './mutants.mjs'
import { PLANTED } from './planted.mjs'

const MS = 2500

let cluster
before(async () => (cluster = await startFaultCluster()))
after(() => cluster?.stop())

/** An episode gives a bug chances, by its seed and by the machine's mood: others are played until it has shown itself. */
const SEEDS = [7, 8, 9, 10]

describe('the checker finds', { concurrency: 2 }, () => {
  for (const [name, { laws = [], anyOf = [], ...options }] of Object.entries({ ...MUTANTS, ...PLANTED })) {
    test(name, async (t) => {
      const broken = new Set()
      const missing = () => laws.filter((law) => !broken.has(law))
      const isFound = () =>
        missing().length === 0 && (anyOf.length === 0 || anyOf.some((law) => broken.has(law)))
      let done = 0
      for (const seed of SEEDS) {
        const { planted, findings } = await runEpisode(t, cluster, { seed, ms: MS, ...options })
        done += planted.done
        for (const { law } of findings) broken.add(law)
        if (isFound()) break
      }
      assert.ok(done > 0, 'it never came to do its damage')
      t.diagnostic(`${done} times; broken: ${[...broken].join(', ')}`)
      assert.ok(isFound(), `${[...missing(), ...anyOf]} was not found to be broken: ${[...broken]}`)
    })
  }
})
