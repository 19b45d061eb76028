/**
 * Does to servers and processes what goes wrong in practice, and checks that every promise was kept. Writes a report, as text and as JSON, and
 * keeps the history of each episode with findings, in target/faults. Ends with code 1 if there are any.
 *
 *     npm run faults                                        each scenario once, briefly
 *     FAULT_MINUTES=30 npm run faults                       all of them again and again, with other seeds
 *     FAULT_SEED=7 npm run faults                           from this seed; without it one is drawn, and printed
 *     npm run faults -- --scenario 'primaries freeze'       this one only
 *     npm run faults -- --ms 20000                          how long faults happen in each episode
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { forwardSignals, root, wasInterrupted } from '../../../scripts/process.mjs'
import { setup } from '../../../scripts/setup.mjs'
import { Advice, bold, dim, duration, green, main, red, say } from '../../../scripts/terminal.mjs'

const DIRECTORY = join(root, 'target/faults')
const BRIEFLY_MS = 2500
const LONGER_MS = 12_000

function wholeNumber(name, text) {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 0)
    throw new Advice(`${name} takes a whole number that is not negative.`)
  return number
}

function orders(scenarios, seed) {
  const { values } = parseArgs({ options: { scenario: { type: 'string' }, ms: { type: 'string' } } })
  const { FAULT_MINUTES: minutes } = process.env
  const all = Object.keys(scenarios).filter((name) => minutes || !scenarios[name].isLong)
  const names = values.scenario ? [values.scenario] : all
  if (!names.every((name) => name in scenarios))
    throw new Advice(
      `There is no scenario "${values.scenario}"; there are:\n${Object.keys(scenarios).join('\n')}`,
    )
  return {
    names,
    minutes: minutes ? wholeNumber('FAULT_MINUTES', minutes) : null,
    seed,
    ms: values.ms ? wholeNumber('--ms', values.ms) : minutes ? LONGER_MS : BRIEFLY_MS,
  }
}

/** Each scenario once, or round after round, each with seeds of its own, until the time is up. */
function* planOf({ names, minutes, seed, ms }) {
  const end = performance.now() + (minutes ?? 0) * 60_000
  for (let round = 0; round === 0 || performance.now() < end; round += 1)
    for (const scenario of names) {
      if (wasInterrupted() || (round > 0 && performance.now() > end)) return
      yield { scenario, seed: seed + round, ms }
    }
}

await main(async () => {
  forwardSignals()
  await setup()
  // Late: they need what was set up.
  const { SCENARIOS, seedOf } = await import('./scenarios.mjs')
  const { runCampaign } = await import('./campaign.mjs')
  const { replayOf, reportOf, shown, textOf } = await import('./report.mjs')
  const chosen = orders(SCENARIOS, seedOf(process.env, Math.floor(Math.random() * 1e6)))
  say(`FAULT_SEED=${chosen.seed}`)
  const [start, startedAt] = [performance.now(), new Date().toISOString()]
  const { episodes, failures } = await runCampaign(planOf(chosen), {
    directory: DIRECTORY,
    tell(episode) {
      const { scenario, seed, figures, findings, history, took } = episode
      const good = findings.length === 0
      const counts = `${figures.faults} faults (${figures.effects} effects), ${figures.jobs} jobs, ${figures.runs} runs, ${findings.length} findings`
      console.log(
        `${good ? green('✔') : red('✘')} ${scenario} ${dim(`(${seed})`)} ${counts} ${dim(duration(took))}`,
      )
      if (!good)
        console.log([...findings.map(shown), history, replayOf(episode)].join('\n').replaceAll(/^/gm, '    '))
    },
  })
  const report = reportOf(episodes, {
    seed: chosen.seed,
    startedAt,
    seconds: (performance.now() - start) / 1000,
  })
  writeFileSync(join(DIRECTORY, 'report.json'), `${JSON.stringify(report, null, 2)}\n`)
  writeFileSync(join(DIRECTORY, 'report.txt'), textOf(report))
  console.log(`\n${bold('report')} ${DIRECTORY}/report.txt\n\n${textOf(report)}`)
  for (const failure of failures) console.error(red(failure.stack ?? String(failure)))
  return failures.length === 0 && episodes.every(({ findings }) => findings.length === 0) ? 0 : 1
})
