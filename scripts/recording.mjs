/**
 * Records the quick start: runs it on a server of its own, and writes docs/quickstart.svg from what it printed and when.
 *
 *     npm run recording
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { findMongod } from './mongod/find.mjs'
import { startReplicaSet } from './mongod/replica-set.mjs'
import { forwardSignals, root } from './process.mjs'
import { recordingSvg } from './recording/svg.mjs'
import { setup } from './setup.mjs'
import { Advice, main, say } from './terminal.mjs'

/** The story takes three seconds, which is too fast to read. */
const SLOWER = 5

async function record(url) {
  const child = spawn(process.execPath, ['examples/quickstart.mjs'], {
    cwd: root,
    env: { ...process.env, MONGO_URL: url, FORCE_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = []
  let start
  createInterface(child.stdout).on('line', (text) => {
    start ??= performance.now()
    lines.push({ ms: performance.now() - start, text })
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Advice(`The quick start ended with code ${code}.`)
  return lines
}

await main(async () => {
  forwardSignals()
  await setup()
  const server = await startReplicaSet(await findMongod(say))
  try {
    const lines = await record(server.url)
    const title = `npm run quickstart, told ${SLOWER} times slower`
    writeFileSync(join(root, 'docs/quickstart.svg'), recordingSvg(lines, { title, slower: SLOWER }))
    say(`docs/quickstart.svg has ${lines.length} lines`)
  } finally {
    await server.stop()
  }
})
