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

describe('the checker finds', { concurrency: 2 }, () => {
  for (const [name, { laws = [], anyOf = [], ...options }] of Object.entries({ ...MUTANTS, ...PLANTED })) {
    test(name, async (t) => {
      const { planted, findings } = await runEpisode(t, cluster, { seed: 7, ms: MS, ...options })
      assert.ok(planted.done > 0, 'it never came to do its damage')
      const broken = new Set(findings.map(({ law }) => law))
      t.diagnostic(`${planted.done} times; broken: ${[...broken].join(', ')}`)
      assert.ok(
        anyOf.length === 0 || anyOf.some((law) => broken.has(law)),
        `none of ${anyOf} was found to be broken: ${[...broken]}`,
      )
      for (const law of laws) assert.ok(broken.has(law), `${law} was not found to be broken: ${[...broken]}`)
    })
  }
})
