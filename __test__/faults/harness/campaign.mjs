/** Many episodes, one after the other, on one replica set; what is found is kept with its history. */
import { mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { startFaultCluster } from './cluster.mjs'
import { runEpisode } from './episode.mjs'

/** A stand-in for a test's context where there is no test. It runs the clean-up that is registered on it. */
async function within(body) {
  const steps = []
  try {
    return await body({ after: (step) => steps.push(step) })
  } finally {
    for (const step of steps) await step()
  }
}

const fileNameOf = ({ scenario, seed }) => `${scenario.replaceAll(/\W+/g, '-')}-${seed}.ndjson`

/**
 * @param plan yields `{ scenario, seed, ms }`, for as long as the campaign is to go on
 * @param options.directory where the histories of episodes with findings are kept
 * @param options.tell is given each episode
 * @returns the `episodes`, and the harness's own `failures`: the first of them ended the campaign
 */
export async function runCampaign(plan, { directory, tell }) {
  mkdirSync(directory, { recursive: true })
  const cluster = await startFaultCluster()
  const episodes = []
  const failures = []
  try {
    for (const orders of plan) {
      await cluster.whole()
      const path = join(directory, 'current.ndjson')
      rmSync(path, { force: true })
      const episode = await within((t) => runEpisode(t, cluster, { ...orders, path }))
      const kept = join(directory, fileNameOf(orders))
      if (episode.findings.length > 0) renameSync(path, kept)
      episodes.push({ ...episode, history: episode.findings.length > 0 ? kept : null })
      tell(episodes.at(-1))
    }
  } catch (error) {
    failures.push(error)
  }
  // An episode that was cut short leaves things under way, of which this may stumble too.
  await cluster.stop().catch((error) => failures.push(error))
  return { episodes, failures }
}
