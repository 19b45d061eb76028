/** The result of a campaign, as data and as text. */

/** The command that runs an episode again. */
export const replayOf = ({ scenario, seed, ms }) =>
  `again: FAULT_SEED=${seed} npm run faults -- --scenario '${scenario}' --ms ${ms}`

/** A finding on one line. */
export const shown = ({ law, what }) => `${law}: ${what}`

function tally(items) {
  const counts = {}
  for (const item of items) counts[item] = (counts[item] ?? 0) + 1
  return counts
}

/** The effects of each kind of fault: processes killed, replies lost. */
function effectsOf(episodes) {
  const sums = {}
  for (const { fault, effect } of episodes.flatMap(({ faults }) => faults))
    sums[fault] = (sums[fault] ?? 0) + effect
  return sums
}

function sumOf(all) {
  const sum = {}
  for (const figures of all)
    for (const [name, value] of Object.entries(figures)) sum[name] = (sum[name] ?? 0) + value
  return sum
}

/** Episodes of one scenario, together. */
function summaryOf(scenario, episodes) {
  return {
    scenario,
    episodes: episodes.length,
    figures: sumOf(episodes.map(({ figures }) => figures)),
    faults: tally(episodes.flatMap(({ faults }) => faults.map(({ fault }) => fault))),
    findings: episodes.flatMap(({ seed, ms, findings }) =>
      findings.map((finding) => ({ seed, ms, ...finding })),
    ),
  }
}

/**
 * @param episodes as `runEpisode` returns them
 * @param run the `seed` that it began with, its `startedAt`, and how many `seconds` it took
 */
export function reportOf(episodes, run) {
  const names = [...new Set(episodes.map(({ scenario }) => scenario))]
  const of = (name) => episodes.filter(({ scenario }) => scenario === name)
  return {
    ...run,
    episodes: episodes.length,
    figures: sumOf(episodes.map(({ figures }) => figures)),
    faults: tally(episodes.flatMap(({ faults }) => faults.map(({ fault }) => fault))),
    effects: effectsOf(episodes),
    scenarios: names.map((name) => summaryOf(name, of(name))),
  }
}

const COLUMNS = {
  episodes: ({ episodes }) => episodes,
  faults: ({ figures }) => figures.faults,
  calls: ({ figures }) => figures.calls,
  acknowledged: ({ figures }) => figures.acknowledged,
  held: ({ figures }) => figures.held,
  refused: ({ figures }) => figures.refused,
  jobs: ({ figures }) => figures.jobs,
  runs: ({ figures }) => figures.runs,
  'leases lost': ({ figures }) => figures.recovered,
  findings: ({ findings }) => findings.length,
}

/** The same, for people: a table in Markdown, and the findings. */
export function textOf(report) {
  const { seed, startedAt, seconds, scenarios, faults, effects } = report
  const findings = scenarios.flatMap(({ scenario, findings }) =>
    findings.map((one) => ({ scenario, ...one })),
  )
  const total = { episodes: report.episodes, figures: report.figures, findings }
  const row = (name, summary) =>
    `| ${[name, ...Object.values(COLUMNS).map((of) => of(summary))].join(' | ')} |`
  return [
    `${report.episodes} episodes in ${Math.round(seconds / 60)} minutes from ${startedAt}, seeds from ${seed}`,
    '',
    `| scenario | ${Object.keys(COLUMNS).join(' | ')} |`,
    `| --- | ${Object.keys(COLUMNS)
      .map(() => '--:')
      .join(' | ')} |`,
    ...scenarios.map((summary) => row(summary.scenario, summary)),
    row('all', total),
    '',
    `faults, and what came of them (processes killed, replies lost): ${Object.entries(faults)
      .map(([fault, count]) => `${fault} ${count} (${effects[fault]})`)
      .join(', ')}`,
    '',
    findings.length === 0 ? 'no findings' : `${findings.length} findings:`,
    ...findings.map((finding) => `- ${shown(finding)}\n  ${replayOf(finding)}`),
    '',
  ].join('\n')
}
