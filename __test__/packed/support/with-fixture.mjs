/** The package with one entry and one command more than it has: what is said of a row must hold before a feature needs one. */
import assert from 'node:assert/strict'
import { cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { COMMANDS, ENTRIES, filesOfEntries } from '../../../scripts/packages/entries.mjs'
import { root, run } from '../../support/child.mjs'
import { packageTarball } from './tarballs.mjs'

const FIXTURE = { path: './fixture', module: 'fixture/index' }
const COMMAND = { name: 'durabl-fixture', module: 'fixture/command' }

export const entries = [...ENTRIES, FIXTURE]

async function succeeds(command, args) {
  const { code, stderr } = await run(command, args, {
    shell: process.platform === 'win32',
    timeoutMs: 60_000,
  })
  assert.equal(code, 0, stderr)
}

/** @returns its `directory`, its `tarball`, and `remove()` */
export async function packageWithFixture() {
  const stage = await mkdtemp(join(tmpdir(), 'durabl-fixture-'))
  await succeeds('tar', ['-xzf', packageTarball(), '-C', stage])
  const directory = join(stage, 'package')
  // Entries may load packages of the app's, which are looked for from here on up.
  await symlink(join(root, 'node_modules'), join(stage, 'node_modules'), 'junction')
  await cp(join(root, '__test__/packed/support/fixture'), directory, { recursive: true })
  for (const [file, text] of filesOfEntries(directory, entries, [...COMMANDS, COMMAND]))
    await writeFile(join(directory, file), text)
  await succeeds('npm', ['pack', directory, '--pack-destination', stage, '--loglevel=error'])
  return {
    directory,
    tarball: join(stage, packageTarball().split(/[\\/]/).at(-1)),
    remove: () => rm(stage, { recursive: true, force: true }),
  }
}
