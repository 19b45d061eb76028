/** The TypeScript layer: `lib/` compiled to `dist/` when it is older than its sources. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { capture, root } from '../process.mjs'
import { Advice, say } from '../terminal.mjs'
import { filesUnder, newest } from './newest.mjs'

const SOURCES = ['lib', 'index.d.ts', 'dashboard.d.ts', 'otel.d.ts', 'types', 'tsconfig.json']
const STAMP = 'dist/.built'

/** A module that was renamed or removed must not live on in `dist/`. */
function prune() {
  const sources = new Set(
    filesUnder('lib').map((file) => file.replace(/^lib/, 'dist').replace(/\.m?ts$/, '')),
  )
  for (const file of filesUnder('dist')) {
    if (file !== STAMP && !sources.has(file.replace(/\.m?js(\.map)?$/, ''))) rmSync(join(root, file))
  }
}

export async function ensureLib() {
  if (newest(STAMP) > newest(...SOURCES)) return
  say('compiling lib/')
  const { code, output } = await capture('npm', ['run', '--silent', 'build:lib'])
  if (code !== 0) throw new Advice(`lib/ did not compile:\n${output}`)
  prune()
  writeFileSync(join(root, STAMP), '')
}
