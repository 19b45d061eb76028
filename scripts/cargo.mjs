/**
 * Cargo's arguments, in one place. The addon, the lints, the documentation and the engine's tests share all compiled crates but the engine.
 * Otherwise two hundred crates would be compiled for each of them.
 */

/** The engine's tests pause the clock. A crate with another feature would be another crate, and so would all that depend on it. */
const FEATURES = ['--features', 'tokio/test-util']

/** Tests check assertions and overflows, and optimise nothing. Only the engine: the crates that it depends on are shared. */
const CHECKED = ['debug-assertions=true', 'overflow-checks=true', 'opt-level=0'].flatMap((setting) => [
  '--config',
  `profile.release.package.durabl-engine.${setting}`,
])

const WORKSPACE = ['--locked', '--release', '--workspace', ...FEATURES, ...CHECKED]

/** For `cargo build`: the addon of this machine. */
export const ADDON = ['--locked', '--release', '-p', 'durabl', ...FEATURES]

/** For `cargo build`: the addon that is published, with what takes long to compile and a clone can do without. */
export const PUBLISHED = ['--locked', '--profile', 'published', '-p', 'durabl', '--features', 'aws-auth']

/** Lints of the code and its tests, with all that a feature adds. */
export const LINTS = [
  ...['clippy', '--quiet', ...WORKSPACE, '--all-targets', '--features', 'durabl-engine/hot-paths'],
  ...['--', '-D', 'warnings'],
]

/** The code without its tests, compiled as far as lints need it. */
export const CODE = ['clippy', '--quiet', ...WORKSPACE]

export const RUSTDOC = ['doc', '--quiet', ...WORKSPACE, '--no-deps', '--document-private-items']

/** Compiles the engine's tests, and runs those whose name contains one of these; all of them if there are none. */
export const testsNamed = (names) => ['test', ...WORKSPACE, '--no-fail-fast', '--', ...names]

export const COMPILE_TESTS = ['test', '--quiet', ...WORKSPACE, '--no-run']
