/** Measurements beside the sections of `npm run bench`: each a script of its own, with its options, its server and its table. */
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { findMongod } from '../scripts/mongod/find.mjs'
import { startReplicaSet } from '../scripts/mongod/replica-set.mjs'
import { MongoClient } from './mongodb.mjs'

/** Until a worker has looked, and knows when it has to look again. */
const SETTLE_MS = 5_000
const COMMANDS = ['find', 'aggregate', 'getMore', 'insert', 'update', 'findAndModify']

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** An option's value, as a number. */
export function wholeNumber(values, name) {
  const value = Number(values[name])
  if (Number.isInteger(value) && value > 0) return value
  throw new Error(`--${name} takes a whole number above 0, not ${values[name]}`)
}

/**
 * Runs a script if it is the one that Node was started with: `--uri`, `--json`, `--help`, and an option for each number.
 *
 * @param url of the script's module
 * @param script.numbers defaults of its numbers, by name
 * @param script.measure given the numbers and the `uri`, and a function that tells of progress; resolves to the figures
 * @param script.isGood whether the figures keep their bounds; if not, the process ends with 1
 */
export async function runStandalone(url, { help, numbers, measure, print, isGood = () => true }) {
  if (url !== pathToFileURL(process.argv[1] ?? '').href) return
  const named = Object.entries(numbers).map(([name, value]) => [
    name,
    { type: 'string', default: String(value) },
  ])
  const flags = { uri: { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean' } }
  const { values } = parseArgs({ options: { ...Object.fromEntries(named), ...flags } })
  if (values.help) return console.log(help)
  const chosen = Object.keys(numbers).map((name) => [name, wholeNumber(values, name)])
  const tell = (...words) => console.error('·', ...words)
  const result = await measure({ ...Object.fromEntries(chosen), uri: values.uri }, tell)
  if (values.json) console.log(JSON.stringify(result, null, 2))
  else print(result)
  if (!isGood(result)) process.exitCode = 1
}

/** Does the work with an empty database, which is dropped afterwards; on a replica set that is started for it where no `uri` is given. */
export async function withDatabase(uri, name, work) {
  const set = uri === undefined ? await startReplicaSet(await findMongod(() => {})) : null
  const client = await new MongoClient(uri ?? set.url).connect()
  const db = client.db(name)
  try {
    await db.dropDatabase()
    return await work(db, uri ?? set.url)
  } finally {
    await db.dropDatabase().catch(() => {})
    await client.close()
    await set?.stop()
  }
}

/** Commands that the server has carried out, but for those of its own members and of this look. */
async function commandsOf(admin) {
  const { metrics, opcounters } = await admin.serverStatus()
  const of = (name) => Number(metrics.commands[name]?.total ?? 0)
  return { ...Object.fromEntries(COMMANDS.map((name) => [name, of(name)])), all: opcounters.command }
}

/** Commands a minute, while nothing happens. */
export async function idleCommands(admin, seconds) {
  await pause(SETTLE_MS)
  const first = await commandsOf(admin)
  await pause(seconds * 1000)
  const last = await commandsOf(admin)
  const perMinute = (name) => Math.round(((last[name] - first[name]) * 60) / seconds)
  return Object.fromEntries(Object.keys(first).map((name) => [name, perMinute(name)]))
}
