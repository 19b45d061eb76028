/**
 * Checks the Rust crates as far as that needs no network. Unsafe code stands only where JavaScript's values are made, and every crate comes
 * from the registry. `deny.toml` holds the other rules, for a tool that needs an advisory database.
 */
import { filesUnder } from '../setup/newest.mjs'
import { read } from './files.mjs'

/** Implementations of a trait of napi-rs's whose one method is unsafe: they only call the same of another type. */
const MAY_BE_UNSAFE = ['src/event.rs', 'src/reply.rs']

const REGISTRY = 'registry+https://github.com/rust-lang/crates.io-index'

function unsafeCode() {
  const complaints = []
  // The compiler does the rest: what is forbidden can't be allowed again further in.
  if (!/^unsafe_code = "forbid"$/m.test(read('engine/Cargo.toml')))
    complaints.push('engine/Cargo.toml does not forbid unsafe code')
  for (const file of filesUnder('src')) {
    if (/\bunsafe\b/.test(read(file)) && !MAY_BE_UNSAFE.some((known) => file.endsWith(known)))
      complaints.push(`${file} has unsafe code`)
  }
  return complaints
}

function foreignSources(lockFile) {
  const sources = [...read(lockFile).matchAll(/^source = "(.+)"$/gm)].map(([, source]) => source)
  if (sources.length === 0) return [`${lockFile} has no crates`]
  return sources
    .filter((source) => source !== REGISTRY)
    .map((source) => `${lockFile} has a crate from ${source}`)
}

export async function checkCrates() {
  return [...unsafeCode(), ...foreignSources('Cargo.lock')]
}
