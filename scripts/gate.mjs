/**
 * The one gate, before the tests: format, lints, types, unused dependencies, documents, generated files. Every step runs,
 * even after one has failed; what a step has to say is printed when it fails.
 *
 *     npm run gate
 *     npm run gate -- docs clippy     only these steps
 */
import { checkCrates } from './check/crates.mjs'
import { checkDocs } from './check/docs.mjs'
import { checkBorder } from './native-types.mjs'
import { checkPage } from './dashboard-page.mjs'
import { checkEntry } from './entries.mjs'
import { checkInvariants } from './check/invariants.mjs'
import { checkManifests } from './check/manifests.mjs'
import { checkHosts } from './check/hosts.mjs'
import { checkHover } from './check/hover.mjs'
import { checkProse } from './check/prose.mjs'
import { checkRoomsOfLib } from './check/rooms-lib.mjs'
import { checkRustDependencies } from './check/rust-dependencies.mjs'
import { checkRustRooms } from './check/rooms-rust.mjs'
import { checkSize } from './check/size.mjs'
import { checkSuites } from './check/suites.mjs'
import { checkWords } from './check/words.mjs'
import { checkWorkflows } from './check/workflows.mjs'
import { LINTS, RUSTDOC } from './cargo.mjs'
import { capture, forwardSignals, wasInterrupted } from './process.mjs'
import { setup } from './setup.mjs'
import { Advice, dim, duration, green, main, red } from './terminal.mjs'

/** A step that is a command: it complains by what it prints. */
const command = (program, args, env) => async () => {
  const { code, output } = await capture(program, args, { env })
  return code === 0 ? [] : [output.trim()]
}

const tool = (path, ...args) => command(process.execPath, [`node_modules/${path}`, ...args])
const cargo = (args, env) => command('cargo', args, env)

const steps = {
  prettier: tool('prettier/bin/prettier.cjs', '--check', '--log-level=warn', '.'),
  eslint: tool('eslint/bin/eslint.js', '--max-warnings=0', '.'),
  tsc: tool('typescript/bin/tsc', '-p', 'tsconfig.json', '--noEmit'),
  types: tool('typescript/bin/tsc', '-p', 'tsconfig.types.json'),
  page: checkPage,
  knip: tool('knip/bin/knip.js'),
  entry: checkEntry,
  manifests: checkManifests,
  words: checkWords,
  prose: checkProse,
  workflows: checkWorkflows,
  rustfmt: cargo(['fmt', '--all', '--check']),
  clippy: cargo(LINTS),
  rustdoc: cargo(RUSTDOC, { RUSTDOCFLAGS: '-D warnings' }),
  border: checkBorder,
  crates: checkRustDependencies,
  unsafe: checkCrates,
  'rooms-rust': checkRustRooms,
  docs: checkDocs,
  invariants: checkInvariants,
  size: checkSize,
  'rooms-lib': checkRoomsOfLib,
  suites: checkSuites,
  hosts: checkHosts,
  hover: checkHover,
}

/** One of these at a time, as cargo locks what it compiles; the others run beside them, one after the other. */
const CARGO = ['rustfmt', 'clippy', 'rustdoc', 'border']

async function take(name) {
  const start = Date.now()
  const complaints = await Promise.resolve()
    .then(steps[name])
    .catch((error) => [error.stack])
  const good = complaints.length === 0
  console.log(`${good ? green('✔') : red('✘')} ${name.padEnd(12)} ${dim(duration(Date.now() - start))}`)
  for (const complaint of complaints) console.log(complaint.replaceAll(/^/gm, '    '))
  return good
}

await main(async () => {
  forwardSignals()
  const names = process.argv.slice(2)
  const unknown = names.find((name) => !(name in steps))
  if (unknown) throw new Advice(`There is no step ${unknown}; there are ${Object.keys(steps).join(', ')}.`)
  await setup()
  let failed = 0
  const takeAll = async (lane) => {
    for (const name of lane) if (!wasInterrupted() && !(await take(name))) failed += 1
  }
  const all = names.length > 0 ? names : Object.keys(steps)
  const isCargo = (name) => CARGO.includes(name)
  await Promise.all([takeAll(all.filter(isCargo)), takeAll(all.filter((name) => !isCargo(name)))])
  if (wasInterrupted()) return 130
  if (failed > 0) console.log(red(`the gate is shut: ${failed} of its steps failed`))
  return failed === 0 ? 0 : 1
})
