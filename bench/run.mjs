/**
 * durabl beside other job queues: brings up the servers, measures, and writes a page with tables and charts.
 *
 *     npm run bench                        all but the sections below; about twenty-five minutes
 *     npm run bench -- --only daily        the questions that decide for an app; about forty minutes
 *     npm run bench -- --only scale,whole  the large backlogs; about half an hour
 *     npm run bench -- --only all          all of it, one section after the other
 *     npm run bench -- --help
 */
import { forwardSignals } from '../scripts/process.mjs'
import { ensureInstalled } from '../scripts/setup/install.mjs'
import { setup } from '../scripts/setup.mjs'
import { bold, duration, main, say, yellow } from '../scripts/terminal.mjs'
import { machine, versions } from './machine.mjs'
import { help, parseOptions, PUBLISHED } from './options.mjs'
import { peers, versionOf } from './peers/all.mjs'
import { buildReference } from './reference.mjs'
import { writeElsewhere } from './report/elsewhere.mjs'
import { writePage } from './report/page.mjs'
import { fates, keepResults, readResults } from './results.mjs'
import { inRounds } from './rounds.mjs'
import * as daily from './sections/daily.mjs'
import * as delays from './sections/delays.mjs'
import * as enqueue from './sections/enqueue.mjs'
import * as latency from './sections/latency.mjs'
import * as profile from './sections/profile.mjs'
import * as scale from './sections/scale.mjs'
import * as throughput from './sections/throughput.mjs'
import * as variants from './sections/variants.mjs'
import * as whole from './sections/whole.mjs'
import { Servers } from './servers/all.mjs'

const sections = { throughput, profile, variants, enqueue, latency, delays, daily, scale, whole }

/** Those that the references in Rust take part in. */
const WITH_REFERENCES = ['throughput', 'whole']

/** The smallest number of jobs to measure with, however small the factor. */
const FEWEST_JOBS = 20

/** The peers that these sections measure: all, unless a section names some. */
const involved = (names, chosen) =>
  chosen.filter((peer) => names.some((name) => sections[name].involves?.includes(peer) ?? true))

/** Which peers can take part, and why the others can't. */
async function present(servers, chosen) {
  const able = []
  const missing = {}
  for (const peer of chosen) {
    if (versionOf(peer) === null) {
      missing[peer] = `${peers[peer].packages.join(' and ')} could not be installed from npm`
      continue
    }
    try {
      await servers.get(peers[peer].server)
      able.push(peer)
    } catch (error) {
      missing[peer] = error.message
    }
  }
  for (const [peer, why] of Object.entries(missing))
    say(yellow(`${peers[peer].title} is not measured: ${why}`))
  return { able, missing }
}

async function installPeers(chosen) {
  if (chosen.every((peer) => peers[peer].packages.length === 0)) return
  try {
    await ensureInstalled({ directory: 'bench', what: 'the other queues' })
  } catch (error) {
    say(yellow(error.message))
  }
}

async function measureSection(name, context) {
  console.log(`\n${bold(name)}`)
  const start = Date.now()
  const section = sections[name]
  const measured = section.measure
    ? await section.measure(context)
    : { contestants: await inRounds(section.contestants(context), context.runs) }
  say(`${name} took ${duration(Date.now() - start)}`)
  return measured
}

async function measure(options, servers) {
  await setup()
  const wanted = involved(options.sections, options.peers)
  await installPeers(wanted)
  const { able, missing } = await present(servers, wanted)
  const needsReference =
    options.references &&
    options.sections.some((name) => WITH_REFERENCES.includes(name)) &&
    able.includes('durabl')
  const context = {
    servers,
    peers: able,
    runs: options.runs,
    concurrencies: options.concurrencies,
    questions: options.questions,
    sized: (jobs) => Math.max(FEWEST_JOBS, Math.round(jobs * options.size)),
    reference: needsReference ? await buildReference() : null,
  }
  const about = {
    date: new Date().toISOString().slice(0, 10),
    command: options.command,
    runs: options.runs,
    machine: machine(),
    versions: await versions(servers, able),
    missing,
  }
  for (const fate of fates(readResults(options.out), options.sections)) say(`${options.out}: ${fate}`)
  for (const name of options.sections) {
    const measured = { about, ...(await measureSection(name, context)) }
    // At once: a long run that is cut short has not been in vain.
    keepResults(options.out, { [name]: measured })
    await publish(options.out)
  }
}

/** Writes all pages from the stored results; returns their paths. */
async function publish(folder) {
  const results = readResults(folder)
  const written = await writePage(folder, results)
  // The pages that are written by hand tell of what is published.
  return folder === PUBLISHED ? [...written, ...writeElsewhere(results.sections)] : written
}

await main(async () => {
  const options = parseOptions(process.argv.slice(2))
  if (options.help) return console.log(help)
  if (!options.render) {
    forwardSignals()
    // Whatever this process has started ends with it: servers by their keepers, and workers when they lose their parent.
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit())
    const servers = new Servers()
    try {
      await measure(options, servers)
    } finally {
      await servers.stop()
    }
  }
  for (const path of await publish(options.out)) say(`written: ${path}`)
})
