/** The tests of what is published: packed, installed by npm into projects of their own, and used there. */
import { join } from 'node:path'
import { pack } from '../packages/pack.mjs'
import { root } from '../process.mjs'
import { runNodeTests } from './node.mjs'

/** Where the packages are that somebody else has packed, if so: then nothing needs to be built here. */
export const packedElsewhere = () => process.env.DURABL_PACKED || null

export const isPackedTest = (file) => file.split(/[\\/]/).includes('packed')

/** @returns what `runNodeTests` does */
export async function runPackedTests(files, env, options) {
  const directory = packedElsewhere() ?? join(root, 'target/packages')
  if (!packedElsewhere()) await pack(directory)
  // Two at once: installing waits for the network, and much else for a server.
  return runNodeTests(files, { ...env, DURABL_PACKED: directory }, ['--test-concurrency=2', ...options])
}
