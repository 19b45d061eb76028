/** A CommonJS module's view of the types. It is compiled, never run. */
import { MongoClient } from 'mongodb'
import durabl = require('durabl')

async function main(): Promise<void> {
  const client = await MongoClient.connect('mongodb://localhost')
  const backend = new durabl.MongoJobQueue({ db: client.db('app') })
  const queue: durabl.JobQueue = new durabl.JobQueue(backend, durabl.consoleLogger(), {
    visibilityTimeoutMs: 1000,
  })
  const result: durabl.ReaperStartResult = await queue.startReaper()
  if (result.status === 'started') result.recovered satisfies number | null
  await durabl.withGlobalQueue(new durabl.ImmediateBackend(), async (global) => global.enqueue('x', {}))
  // @ts-expect-error -- no such export
  durabl.Queue
}

void main
