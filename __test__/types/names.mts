/** Names of types as apps written for the TypeScript package import them, and what such apps do with them. Compiled, never run. */
import {
  DummyBackend,
  JobQueue,
  MongoChangeStreamWatcher,
  MongoJobQueue,
  type BackoffConfig,
  type BackoffStrategy,
  type IJobQueueBackend,
  type JobHandle,
  type CompleteJobResult,
  type FailFatalJobResult,
  type FailJobResult,
  type JobDoc,
  type JobEventSink,
  type LeaseOperation,
  type LifecycleWriteResult,
  type Logger,
  type ReleaseJobResult,
  type StartReaperResult,
  type TerminalWriteMissResult,
} from 'durabl'
import type { Collection, Db } from 'mongodb'

declare const db: Db
const backend = new MongoJobQueue({ db })

// The stored document: ids are strings, and payloads have the app's type.
const collection = backend.getCollection()
const id: string = 'a'
const doc = await collection.findOne({ _id: id })
doc?._id satisfies string | undefined
doc?.status satisfies 'pending' | 'active' | 'completed' | 'failed' | 'superseded' | undefined
await collection.updateOne({ _id: id, status: 'pending' }, { $set: { runAt: new Date() } })
const typed: Collection<JobDoc<{ userId: string }>> = db.collection<JobDoc<{ userId: string }>>('jobs')
const userId: string | undefined = (await typed.findOne({ 'data.userId': 'u_1' }))?.data.userId
console.log(userId)
const watcher = new MongoChangeStreamWatcher(collection, db)
const unsubscribe: () => void = watcher.addListener((type) => console.log(type.length))
unsubscribe()

// Results, by their names, told apart by their status.
function told(result: CompleteJobResult | FailJobResult | FailFatalJobResult | ReleaseJobResult): string {
  switch (result.status) {
    case 'completed':
    case 'retry-scheduled':
    case 'failed-terminal':
    case 'released':
    case 'superseded':
      return result.status
    default:
      return missed(result)
  }
}
function missed(miss: TerminalWriteMissResult): string {
  return miss.status === 'already-terminal' ? miss.terminalStatus : miss.status
}
told(await backend.complete('a', 'token'))
const beat: LifecycleWriteResult = await backend.heartbeat('a', 'token')
beat satisfies 'applied' | 'lease-lost'

const backoff: BackoffConfig = {
  backoff: 'fixed' satisfies BackoffStrategy,
  backoffDelay: 10,
  backoffMaxDelay: 20,
}
const ops: LeaseOperation[] = []
const sink: JobEventSink = (event) => {
  if (event.kind === 'lease-lost') ops.push(event.op)
  if (event.kind === 'lease-lost' && event.op === 'heartbeat-deadline') console.log(event.durationMs)
}

// Loggers, as tests and apps declare their methods.
const lines: [object, string | undefined][] = []
const byObject = (fields: object, message?: string): void => void lines.push([fields, message])
const byAnything = (objOrMsg: unknown, msg?: string): void => console.log(objOrMsg, msg)
const objects: Logger = { debug: byObject, info: byObject, warn: byObject, error: byObject }
const anything: Logger = {
  ...{ debug: byAnything, info: byAnything, warn: byAnything, error: byAnything },
  child: () => objects,
}
interface PinoLike {
  <T extends object>(obj: T, msg?: string, ...args: unknown[]): void
  (msg: string, ...args: unknown[]): void
}
declare const pino: Record<'debug' | 'info' | 'warn' | 'error', PinoLike> & {
  child(bindings: object): typeof pino
}
for (const logger of [objects, anything, pino, console] satisfies Logger[]) {
  logger.info({ n: 1 }, 'with fields')
  const queue = new JobQueue(new DummyBackend(), logger, { onJobEvent: sink })
  const started: StartReaperResult = await queue.startReaper()
  if (started.status === 'started') started.recovered satisfies number | null
  queue.visibilityTimeoutMs satisfies number
  // @ts-expect-error -- it is set by the constructor's options
  queue.visibilityTimeoutMs = 1
  await queue.enqueue('t', {}, { ...backoff })
}

// Backends hand out handles, also to code that knows only the contract.
async function drive(any: IJobQueueBackend): Promise<void> {
  const handle = await any.claimOrEnqueue('t', { n: 1 })
  if (handle === null) return
  handle.data.n satisfies number
  await handle.log('a line')
  told(await handle.complete())
  const follower: JobHandle<{ n: number }> | null =
    (await any.claimNextByKey?.<{ n: number }>('t', 'k')) ?? null
  if (follower) told(await follower.release())
}
await drive(backend)
const held: JobHandle<number> | null = await new DummyBackend().claimNextByKey<number>('t', 'k')
if (held) told(await held.fail('because'))

// The records of the in-memory backends.
const dummy = new DummyBackend()
dummy.maxLogEntries = 10
dummy.maxLogMessageBytes = 100
dummy.recoverStuckJobsCalls satisfies readonly (number | undefined)[]
