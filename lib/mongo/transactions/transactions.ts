/** Jobs in transactions of the app: the engine plans the writes, and the app's own driver runs them. */
import type {
  AnyBulkWriteOperation,
  ClientSession,
  Collection,
  Db,
  Document,
  Filter,
  UpdateFilter,
} from 'mongodb'
import { afterTransaction } from '../../backend/after-transaction'
import { soonestOfTypes } from '../../backend/enqueue-many'
import { failureToError } from '../../base/errors'
import { shownAs } from '../../base/print'
import type { BackendTransactions, CompleteResult, EnqueueDetailedResult } from '../../types'
import { checkInTransaction } from '../../validate/session'
import { EXACT_READING } from '../bson/codec'
import type { Codec } from '../bson/codec'
import type { NativeNewJob, NativePlannedJob } from '../native/addon'
import type { EngineHandle } from '../native/engine-handle'
import { grouped } from '../native/enqueue-batch'
import { settledOf } from '../native/replies'
import { checkAppSession, checkTransactions } from './app-session'
import { TransactionLimit } from './limit'

/** Ids are strings. */
type Job = Document & { _id: string }
type Jobs = Collection<Job>
type Operation = AnyBulkWriteOperation<Job>

/** Jobs that are planned and written in one go. */
const MOST_AT_ONCE = 1000

export class MongoTransactions implements BackendTransactions {
  private readonly limit = new TransactionLimit()

  /** @param db the app's; null if the engine's connection was not made from a client of the app */
  constructor(
    private readonly engine: EngineHandle,
    private readonly db: () => Db | null,
    private readonly collectionName: string,
    private readonly codec: Codec,
  ) {}

  /** Makes jobs, and reports the fate of each, in their order. */
  async enqueue(
    where: string,
    jobs: readonly NativeNewJob[],
    session: ClientSession,
  ): Promise<EnqueueDetailedResult[]> {
    const collection = this.jobs(checkAppSession(where, this.db(), session))
    const results: EnqueueDetailedResult[] = []
    for (let start = 0; start < jobs.length; start += MOST_AT_ONCE) {
      const part = jobs.slice(start, start + MOST_AT_ONCE)
      const planned = await this.engine.call((native) => native.planEnqueue(grouped(part)))
      // Planning may have taken a moment, and after an abort the driver would run the writes by themselves.
      checkInTransaction(where, session)
      const written = await this.run(planned, collection, session)
      for (const [place, made] of written.entries())
        results.push(part[place]!.settings.detailed ? await made.detail() : made.result)
    }
    this.wakeAfter(session, jobs, results)
    return results
  }

  private async run(
    planned: readonly NativePlannedJob[],
    collection: Jobs,
    session: ClientSession,
  ): Promise<Written[]> {
    const operations = planned.map(({ writes }) => writes.map((write) => this.operation(write)))
    const { upsertedIds } = await collection.bulkWrite(operations.flat(), { session, ordered: true })
    const look = async (filter: Filter<Job>): Promise<string | null> => {
      const found = await collection.findOne(filter, { session, projection: { _id: 1 } })
      return found === null ? null : String(found._id)
    }
    return resultsOf(planned, operations, upsertedIds, look)
  }

  /** Completes a claim. The transaction decides if that counts. */
  async complete(
    jobId: string,
    claimToken: string | null,
    session: ClientSession,
    result: Buffer | null,
  ): Promise<CompleteResult> {
    const where = 'complete'
    const collection = this.jobs(checkAppSession(where, this.db(), session))
    const { value, failure } = this.engine.native.planCompletion(jobId, claimToken, result)
    if (failure !== null) throw failureToError(failure, null)
    const { q, u } = this.decoded(value) as { q: Document; u: Document[] }
    const { matchedCount } = await collection.updateOne(q, u, { session })
    if (matchedCount > 0) return { status: 'completed' }
    const found = await this.readBack(jobId, claimToken ?? undefined)
    // Then another call has completed it.
    return found.status === 'completed' ? { status: 'already-terminal', terminalStatus: 'completed' } : found
  }

  /** Runs an update that the engine has planned. True if it matched. */
  async update(where: string, planned: Uint8Array, session: ClientSession): Promise<boolean> {
    const collection = this.jobs(checkAppSession(where, this.db(), session))
    // Planning may have taken a moment, and after an abort the driver would run the write by itself.
    checkInTransaction(where, session)
    const { q, u } = this.decoded(planned) as { q: Document; u: UpdateFilter<Job> }
    const { matchedCount } = await collection.updateOne(q, u, { session })
    return matchedCount > 0
  }

  async startSession(jobId: string): Promise<ClientSession> {
    const db = checkTransactions('ctx', this.db())
    const session = db.client.startSession({ causalConsistency: true })
    try {
      // The primary wrote the claim, so its reply carries a time that is not before it.
      await this.jobs(db).findOne(
        { _id: jobId },
        { session, readPreference: 'primary', projection: { _id: 1 } },
      )
      return session
    } catch (error) {
      await session.endSession()
      throw error
    }
  }

  /** The server looks for transactions to end every half of its limit, though not more often than once a second. */
  async longestMs(): Promise<number> {
    const limit = await this.limit.ms(checkTransactions('ctx.transaction', this.db()))
    return limit + Math.min(Math.max(limit / 2, 1000), 60_000)
  }

  async readBack(jobId: string, claimToken?: string): Promise<CompleteResult> {
    const found = await this.engine.call((native) => native.readBack(jobId, claimToken ?? null))
    return settledOf(found) as CompleteResult
  }

  private jobs(db: Db): Jobs {
    return db.collection(this.collectionName)
  }

  private operation(bytes: Uint8Array): Operation {
    const { insert, q, u, upsert } = this.decoded(bytes) as {
      insert?: Job
      q: Document
      u: UpdateFilter<Job>
      upsert: boolean
    }
    return insert === undefined
      ? { updateOne: { filter: q, update: u, upsert } }
      : { insertOne: { document: insert } }
  }

  private decoded(bytes: Uint8Array): Record<string, unknown> {
    return this.codec.bson.deserialize(bytes, EXACT_READING)
  }

  /** Workers in this process learn of the jobs when the transaction is over; others do by push, or when they poll. */
  private wakeAfter(
    session: ClientSession,
    jobs: readonly NativeNewJob[],
    results: readonly EnqueueDetailedResult[],
  ): void {
    // Workers look for a job of a moment at once: the time until then is by the server's clock.
    const soonest = soonestOfTypes(
      jobs.map(({ settings }) => settings),
      results,
      ({ delayMs }) => delayMs,
    )
    if (soonest.size === 0) return
    afterTransaction(session, (elapsedMs) => {
      for (const [type, delayMs] of soonest) this.engine.native.wake(type, Math.max(0, delayMs - elapsedMs))
    })
  }

  static {
    shownAs(this, ({ collectionName }) => ({ collection: collectionName }))
  }
}

/** Effect of a bulk write on one job. */
interface Written {
  readonly result: EnqueueDetailedResult
  /** With the id of the job in the way: in the transaction, so that it is the one that the write has met. */
  readonly detail: () => Promise<EnqueueDetailedResult>
}

/** By the last write of each job, which says if it made the job. */
function resultsOf(
  planned: readonly NativePlannedJob[],
  operations: readonly (readonly Operation[])[],
  upsertedIds: Readonly<Record<number, unknown>>,
  look: (filter: Filter<Job>) => Promise<string | null>,
): Written[] {
  let written = 0
  return planned.map(({ id }, index) => {
    const writes = operations[index]!
    written += writes.length
    const last = writes.at(-1)!
    if ('insertOne' in last || upsertedIds[written - 1] !== undefined) {
      const result: EnqueueDetailedResult = { status: 'created', id }
      return { result, detail: async () => result }
    }
    const result: EnqueueDetailedResult = { status: 'duplicate', id: null }
    return { result, detail: async () => (await inTheWay(id, writes, look)) ?? result }
  })
}

/** Null for none. */
async function inTheWay(
  id: string,
  writes: readonly Operation[],
  look: (filter: Filter<Job>) => Promise<string | null>,
): Promise<EnqueueDetailedResult | null> {
  const [first, last] = [writes[0]!, writes.at(-1)!]
  // A taken id decides the answer, even if another job holds the key.
  const taken = await look({ _id: id })
  if (taken !== null) return { status: 'duplicate', id: taken }
  if (writes.length > 1 && replacesData(first)) {
    const holder = await look(first.updateOne.filter)
    if (holder !== null) return { status: 'coalesced', id: holder }
  }
  return { status: 'duplicate', id: 'updateOne' in last ? await look(last.updateOne.filter) : null }
}

/** The first write of a job that coalesces. */
function replacesData(write: Operation): write is Extract<Operation, { updateOne: unknown }> {
  return 'updateOne' in write && '$set' in write.updateOne.update
}
