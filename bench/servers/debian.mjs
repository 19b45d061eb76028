/** Programs that come with a Debian package: found, or installed where that can be done without asking anybody. */
import { accessSync, constants, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { capture } from '../../scripts/process.mjs'
import { Advice, say } from '../../scripts/terminal.mjs'

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Where Debian puts what is not on everybody's PATH, the newest version first. */
function versionedFolders({ parent, child }) {
  try {
    const versions = readdirSync(parent).sort((a, b) => Number(b) - Number(a))
    return versions.map((version) => join(parent, version, child))
  } catch {
    return []
  }
}

function find({ program, versioned }) {
  const folders = (process.env.PATH ?? '').split(delimiter)
  if (versioned) folders.push(...versionedFolders(versioned))
  return folders.map((folder) => join(folder, program)).find(isProgram) ?? null
}

async function install(name) {
  say(`installing ${name} (apt-get)`)
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  await capture('apt-get', ['update'], { env })
  const { output } = await capture('apt-get', ['install', '-y', '--no-install-recommends', name], { env })
  return output.trim().split('\n').at(-1)
}

/**
 * The path of a program.
 *
 * @param wanted.program its name
 * @param wanted.debian the package that has it
 * @param wanted.versioned the folder with one folder per version, and where in these the programs are
 * @throws Advice when it is not there and can't be installed, with what to do
 */
export async function debianProgram(wanted) {
  const path = find(wanted)
  if (path) return path
  let why = ''
  if (process.getuid?.() === 0) why = ` (apt-get said: ${await install(wanted.debian)})`
  const installed = find(wanted)
  if (installed) return installed
  throw new Advice(
    `${wanted.program} is missing${why}: install it, on Debian by \`apt-get install ${wanted.debian}\`.`,
  )
}
