/** Platforms as Rust names them and as Node's world does. */
import { Advice } from '../terminal.mjs'

const ARCHITECTURES = { x86_64: 'x64', aarch64: 'arm64', i686: 'ia32' }
const SYSTEMS = { apple: 'darwin', pc: 'win32', unknown: 'linux' }

/**
 * The triple of a Rust target: `linux-x64-gnu` of `x86_64-unknown-linux-gnu`. A target for `cargo zigbuild` may end with the oldest C library
 * that a binary is to run on, as in `x86_64-unknown-linux-gnu.2.28`.
 */
export function tripleOf(target) {
  const [architecture, vendor, , abi] = target.replace(/\.\d+\.\d+$/, '').split('-')
  const parts = [SYSTEMS[vendor], ARCHITECTURES[architecture], abi]
  if (!parts[0] || !parts[1])
    throw new Advice(`There is no name for the platform ${target} yet: add it here.`)
  return parts.filter(Boolean).join('-')
}
