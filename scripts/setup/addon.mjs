/** The native engine: built for this machine when it is missing or older than its sources. */
import { readdirSync } from 'node:fs'
import { capture, root } from '../process.mjs'
import { Advice, duration, say } from '../terminal.mjs'
import { newest } from './newest.mjs'

const SOURCES = ['Cargo.toml', 'Cargo.lock', 'build.rs', 'src', 'engine/Cargo.toml', 'engine/src']
const OLDEST_RUST = [1, 91]
const PROGRESS_EVERY_MS = 20_000

const binaries = () => readdirSync(root).filter((name) => name.endsWith('.node'))

async function demandRust() {
  const { code, output } = await capture('rustc', ['--version'])
  if (code !== 0) {
    throw new Advice('Rust is missing: install it with rustup, so that `cargo` and `rustc` are on the PATH.')
  }
  const [major, minor] = output
    .match(/(\d+)\.(\d+)/)
    .slice(1)
    .map(Number)
  if (major < OLDEST_RUST[0] || (major === OLDEST_RUST[0] && minor < OLDEST_RUST[1])) {
    throw new Advice(
      `Rust ${OLDEST_RUST.join('.')} or newer is needed; this is ${output.trim()}. Try \`rustup update\`.`,
    )
  }
}

async function demandLinker() {
  if (process.platform === 'win32') return
  const { code } = await capture('cc', ['--version'])
  if (code !== 0) {
    throw new Advice(
      'A C compiler is missing: Rust links with `cc`. Install gcc or clang (Debian: build-essential).',
    )
  }
}

/** Cargo prints one line per crate; a person wants to know that it moves. */
function progress() {
  let crates = 0
  let last = Date.now()
  return (line) => {
    if (!/^\s*Compiling /.test(line)) return
    crates += 1
    const now = Date.now()
    if (process.stdout.isTTY) process.stdout.write(`\r  ${crates} crates compiled `)
    else if (now - last > PROGRESS_EVERY_MS) {
      last = now
      say(`… ${crates} crates compiled`)
    }
  }
}

export async function ensureAddon() {
  const built = binaries()
  if (built.length > 0 && newest(...built) >= newest(...SOURCES)) return
  await demandRust()
  await demandLinker()
  const start = Date.now()
  say('building the native engine (the first time takes a few minutes)')
  const { code, output } = await capture(process.execPath, ['scripts/build-addon.mjs'], {
    onLine: progress(),
  })
  if (process.stdout.isTTY) process.stdout.write('\r')
  if (code !== 0) throw new Advice(`the native engine did not build:\n${output}`)
  say(`engine built in ${duration(Date.now() - start)}`)
}
