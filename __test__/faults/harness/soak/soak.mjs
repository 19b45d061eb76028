/** One process under load for a long time, with faults now and then: it loses nothing, and what it holds stays flat. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { MongoClient } from 'mongodb'
import { findMongod } from '../../../../scripts/mongod/find.mjs'
import { startReplicaSet } from '../../../../scripts/mongod/replica-set.mjs'
import { root } from '../../../support/child.mjs'
import { killStreams } from '../world/streams.mjs'
import { flatness } from './flatness.mjs'
import { letPass } from '../../../support/time.mjs'

const PROCESS = fileURLToPath(new URL('process.mjs', import.meta.url))
const DATABASE = 'soak'
const COMMANDS = ['insert', 'update', 'find', 'findAndModify', 'getMore', 'aggregate']

/** One after the other, again and again. */
const FAULTS = {
  'connections closed': (admin) =>
    admin.command({
      configureFailPoint: 'failCommand',
      mode: { times: 8 },
      data: { failCommands: COMMANDS, closeConnection: true },
    }),
  'change streams killed': (admin) => killStreams(admin, DATABASE),
  'commands refused': (admin) =>
    admin.command({
      configureFailPoint: 'failCommand',
      mode: { times: 8 },
      data: { failCommands: COMMANDS, errorCode: 89, errorLabels: ['RetryableWriteError'] },
    }),
  'server slow': (admin) =>
    admin.command({
      configureFailPoint: 'failCommand',
      mode: { times: 40 },
      data: { failCommands: COMMANDS, blockConnection: true, blockTimeMS: 100 },
    }),
}

async function disturb(admin, { ms, faultEveryMs }) {
  const done = []
  const end = performance.now() + ms
  for (let n = 0; performance.now() + faultEveryMs < end; n += 1) {
    await letPass(faultEveryMs, 'the pause between two faults')
    const name = Object.keys(FAULTS)[n % Object.keys(FAULTS).length]
    // Commands that a fail point is to hit are hit later; for streams that is known at once.
    const effect = await FAULTS[name](admin)
    done.push({ name, ...(typeof effect === 'number' && { effect }) })
  }
  await letPass(Math.max(0, end - performance.now()), 'the rest of the run')
  await admin.command({ configureFailPoint: 'failCommand', mode: 'off' })
  return done
}

/**
 * Whether every job that was acknowledged has ended, and no more than were made. Of a call that was refused it is not known whether it has made
 * any, so that many more may be.
 */
export function isAllThere({ acknowledged, completed, failed, superseded, pending, active, unsure }) {
  const ended = completed + failed + superseded
  return pending === 0 && active === 0 && ended >= acknowledged && ended <= acknowledged + unsure
}

/**
 * @param orders.ms how long jobs are made
 * @param orders.sampleMs how often the process is measured, and `orders.faultEveryMs` how often something goes wrong
 * @param orders.tell given each sample
 * @returns what the process `did`, the `samples`, the `faults`, and what `flatness` makes of it
 */
export async function soak({ ms, sampleMs, faultEveryMs, tell = () => {} }) {
  const set = await startReplicaSet(await findMongod(() => {}), {
    testCommands: true,
    args: ['--oplogSize', 256],
  })
  const client = await MongoClient.connect(set.url)
  try {
    const order = JSON.stringify({ url: set.url, database: DATABASE, sampleMs })
    const env = { ...process.env, NODE_TEST_CONTEXT: undefined }
    const child = spawn(process.execPath, ['--expose-gc', PROCESS, order], {
      cwd: root,
      env,
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const closed = once(child, 'close')
    const lines = []
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(JSON.parse(line))
      tell(lines.at(-1))
    })
    const faults = await disturb(client.db('admin'), { ms, faultEveryMs })
    child.stdin.end()
    const [code, signal] = await closed
    const did = lines.pop()
    if (code !== 0 || !did?.end) throw new Error(`the process ended with ${code ?? signal}`)
    return { did, samples: lines, faults, ...flatness(lines) }
  } finally {
    await client.close()
    await set.stop()
  }
}
