/**
 * One process that makes and runs jobs as fast as it can, with faults now and then. It must lose none, and the resources that it holds must
 * stay flat. Writes its measurements to target/faults/soak.json. Ends with code 1 if either fails. On Linux.
 *
 *     npm run soak                     for two minutes
 *     SOAK_MINUTES=60 npm run soak
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { forwardSignals, root } from '../../../../scripts/process.mjs'
import { setup } from '../../../../scripts/setup.mjs'
import { Advice, dim, green, main, red } from '../../../../scripts/terminal.mjs'

const DIRECTORY = join(root, 'target/faults')
const SAMPLES = 200

const MB = 1024 * 1024
const megabytes = (bytes) => `${(bytes / MB).toFixed(1)} MB`
const sized = (name, value) => (['rss', 'heap'].includes(name) ? megabytes(value) : value)

await main(async () => {
  if (process.platform !== 'linux') throw new Advice('The soak reads /proc, so it needs Linux.')
  const minutes = Number(process.env.SOAK_MINUTES ?? 2)
  if (!(minutes > 0)) throw new Advice('SOAK_MINUTES takes a number above 0.')
  forwardSignals()
  await setup()
  const { isAllThere, soak } = await import('./soak.mjs')
  const ms = minutes * 60_000
  const tell = ({ at, completed, rss, files, threads }) => {
    if (at)
      console.log(
        dim(
          `${Math.round(at / 1000)} s: ${completed} jobs, ${megabytes(rss)}, ${files} files, ${threads} threads`,
        ),
      )
  }
  const result = await soak({ ms, sampleMs: Math.max(500, ms / SAMPLES), faultEveryMs: 5000, tell })
  mkdirSync(DIRECTORY, { recursive: true })
  writeFileSync(join(DIRECTORY, 'soak.json'), `${JSON.stringify(result, null, 1)}\n`)
  const { did, faults, measures } = result
  const { acknowledged, completed, failed, superseded, pending, active, unsure } = did
  const isWhole = isAllThere(did)
  console.log(
    `${isWhole ? green('✔') : red('✘')} ${acknowledged} jobs acknowledged (${unsure} more of calls that were refused), ` +
      `${completed} completed, ${failed} failed, ${superseded} superseded, ${pending + active} left open, ${faults.length} faults`,
  )
  for (const [name, { first, second, allowed, isFlat }] of Object.entries(measures))
    console.log(
      `${isFlat ? green('✔') : red('✘')} ${name.padEnd(8)} ${sized(name, first)} → ${sized(name, second)}, at most ${sized(name, allowed)}`,
    )
  return isWhole && Object.values(measures).every(({ isFlat }) => isFlat) ? 0 : 1
})
