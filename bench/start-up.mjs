/**
 * Measures the load of the published package, in fresh processes that take turns. Beside it stand bare files of code that is compiled and
 * not run: nothing of such a size can load sooner.
 *
 *     node bench/start-up.mjs --rounds 40
 *     node bench/start-up.mjs --beside ../other-clone
 */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { root } from '../scripts/process.mjs'
import { main } from '../scripts/terminal.mjs'
import { quantile } from './statistics.mjs'

const OPTIONS = {
  rounds: { type: 'string', default: '40' },
  /** Another clone, whose package takes part. It must have its `dist/`. */
  beside: { type: 'string' },
}

const BARE_KB = [0, 40, 80, 180]

const timed = (load) =>
  `const begun = process.hrtime.bigint(); ${load}; console.log(Number(process.hrtime.bigint() - begun) / 1e6)`

const required = (file) => ['-e', timed(`require(${JSON.stringify(file)})`)]

const imported = (file) => [
  '--input-type=module',
  '-e',
  timed(`await import(${JSON.stringify(pathToFileURL(file).href)})`),
]

/** The package of a clone, bundled as it is published, in a directory of its own. */
async function bundled(clone, directory) {
  cpSync(join(clone, 'dist'), join(directory, 'dist'), { recursive: true })
  for (const file of ['package.json', 'index.mjs']) cpSync(join(clone, file), join(directory, file))
  const { bundle } = await import(pathToFileURL(join(clone, 'scripts/packages/bundle.mjs')))
  await bundle(join(directory, 'dist'))
  return directory
}

/** Code of durabl in a function that nothing calls. */
function bareFile(kilobytes, code, directory) {
  const file = join(directory, `bare-${kilobytes}.js`)
  const end = code.lastIndexOf('\n// lib/', kilobytes * 1000)
  writeFileSync(file, `module.exports = () => {\n${code.slice(0, Math.max(0, end))}\n}\n`)
  return file
}

async function rowsIn(directory, beside) {
  const own = await bundled(root, join(directory, 'own'))
  const code = readFileSync(join(own, 'dist/shared/common.js'), 'utf8')
  const rows = BARE_KB.map((kilobytes) => [
    kilobytes === 0 ? 'an empty file' : `a bare file of ${kilobytes} kB`,
    required(bareFile(kilobytes, code, directory)),
  ])
  rows.push(["require('durabl')", required(join(own, 'dist/index.js'))])
  rows.push(["import('durabl')", imported(join(own, 'index.mjs'))])
  rows.push(["require('durabl'), not bundled", required(join(root, 'dist/index.js'))])
  if (beside !== undefined) {
    const other = await bundled(resolve(beside), join(directory, 'other'))
    rows.push([`require('durabl') of ${beside}`, required(join(other, 'dist/index.js'))])
    rows.push([`import('durabl') of ${beside}`, imported(join(other, 'index.mjs'))])
  }
  return rows
}

const inMs = (value) => `${value.toFixed(1)} ms`.padStart(8)

await main(async () => {
  const { rounds, beside } = parseArgs({ options: OPTIONS }).values
  const directory = mkdtempSync(join(tmpdir(), 'durabl-start-up-'))
  try {
    const rows = (await rowsIn(directory, beside)).map(([name, args]) => ({ name, args, times: [] }))
    for (let round = 0; round < Number(rounds); round += 1)
      for (const { args, times } of rows) times.push(Number(execFileSync(process.execPath, args)))
    for (const { name, times } of rows) {
      const [least, median] = [0, 0.5].map((share) => inMs(quantile(times, share)))
      console.log(`${name.padEnd(40)} median ${median}, least ${least}`)
    }
  } finally {
    rmSync(directory, { recursive: true })
  }
})
