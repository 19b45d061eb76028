/** Which runs the figures are of: sections are measured together or apart, each time by a command of its own. */
import { table } from './series.mjs'

const distinct = (values) => [...new Set(values)]

/** Measurements that are made once in a run, whatever the number of its rounds. */
const ONCE = {
  profile: { steps: "the server's work for a job, by its profiler" },
  scale: { attempts: 'the claim attempts', endurance: 'the run over a million jobs and its memory' },
}

const rounds = (count) => `${count} ${count === 1 ? 'round' : 'rounds'}`

/** The way in which a section was measured. */
export function aboutLine({ date, command, runs, versions }, times = rounds(runs)) {
  return `Measured on ${date} by \`${command}\`, ${times}, at commit ${versions.commit}.`
}

/** The runs, each with its sections. */
export function runsTable(sections) {
  const runs = new Map()
  for (const [name, { about }] of Object.entries(sections)) {
    const { command, date, runs: count, versions } = about
    const key = [`\`${command}\``, date, versions.commit, String(count)]
    const known = runs.get(key.join()) ?? { key, names: [] }
    runs.set(key.join(), { key, names: [...known.names, name] })
  }
  const rows = [...runs.values()].map(({ key, names }) => [names.join(', '), ...key])
  return rows.length > 0 ? table(['sections', 'command', 'date', 'commit', 'rounds'], rows, '---') : ''
}

/** On how many machines, in how many runs. */
export function runsLine(sections, named = 'at the end') {
  const abouts = Object.values(sections).map(({ about }) => about)
  const machines = distinct(abouts.map(({ machine }) => JSON.stringify(machine))).length
  const runs = distinct(
    abouts.map(({ command, date, versions }) => [command, date, versions.commit].join()),
  ).length
  const where = machines > 1 ? `the machines named ${named}` : 'one machine'
  return runs > 1 ? `on ${where}, in ${runs} runs` : `on ${where}, in one run`
}

/** Measurements that stand on the page one by one. */
export function onceLine(sections) {
  const single = Object.entries(ONCE).flatMap(([name, parts]) =>
    Object.keys(parts).flatMap((part) => {
      const isReplaced = part === 'endurance' && sections.whole
      return sections[name]?.[part] && !isReplaced ? [parts[part]] : []
    }),
  )
  return single.length > 0 ? `Measured once: ${single.join('; ')}.` : ''
}

/** The machines, with what runs on them; with their sections, if there is more than one. */
export function machineLines(sections) {
  const known = new Map()
  for (const [name, { about }] of Object.entries(sections)) {
    const { machine, versions } = about
    const text = [
      `${machine.cpus}, ${machine.memory}, ${machine.system}; all servers and all processes on this one machine`,
      `Node.js ${versions.node}, with \`mongodb\` ${versions.driver}; ${versions.rust}`,
    ].join('\n- ')
    known.set(text, [...(known.get(text) ?? []), name])
  }
  const lines = [...known].map(([text, names]) =>
    known.size > 1 ? `- For \`${names.join(', ')}\`: ${text}` : `- ${text}`,
  )
  return lines.join('\n')
}

/** The versions that took part, of `servers` or of `peers`; all of them, if sections have met different ones. */
export function versionsOf(sections, of) {
  const all = Object.values(sections).flatMap(({ about }) => Object.entries(about.versions[of]))
  const names = distinct(all.map(([name]) => name))
  const versions = (name) => distinct(all.filter(([other]) => other === name).map(([, version]) => version))
  return Object.fromEntries(names.map((name) => [name, versions(name).join(' and ')]))
}
