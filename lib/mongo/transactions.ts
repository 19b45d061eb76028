/** Jobs in transactions of the app's: the engine plans the writes, and the app's own driver runs them. Knows no query. */
import type { AnyBulkWriteOperation, ClientSession, Collection, Db, Document, UpdateFilter } from 'mongodb'
import { afterTransaction } from '../after-transaction'
import { failureToError } from '../errors'
import type { BackendTransactions, CompleteResult } from '../types'
import { checkInTransaction } from '../validate/session'
import { checkAppSession, checkTransactions } from './app-session'
import { EXACT_READING } from './codec'
import type { Codec } from './codec'
import type { EngineHandle } from './engine-handle'
import type { NativeNewJob, NativePlannedJob } from './native'
import { settledAs } from './replies'

/** Ids are strings. */
type Jobs = Collection<Document & { _id: string }>
type Operation = AnyBulkWriteOperation<Document & { _id: string }>

/** What the transactions work on. */
export interface TransactionParts {
  readonly engine: EngineHandle
  /** Null where the engine's connection was not made from a client of the app's. */
  readonly db: Db | null
  readonly collectionName: string
  readonly codec: () => Codec
}

/** Where the server does not say: its default. */
const DEFAULT_LIMIT_MS = 60_000

export class MongoTransactions implements BackendTransactions {
  private limit: Promise<number> | null = null

  constructor(private readonly parts: TransactionParts) {}

  /** Makes jobs; their ids, in the order of the jobs, and null where the key is held. */
  async enqueue(
    where: string,
    jobs: readonly NativeNewJob[],
    session: ClientSession,
  ): Promise<(string | null)[]> {
    const { engine } = this.parts
    const collection = this.jobs(checkAppSession(where, this.parts.db, session))
    const planned = await engine.call((native) => native.planEnqueue([...jobs]))
    const operations = planned.map(({ writes }) => writes.map((write) => this.operation(write)))
    // Planning may have taken a moment, and after an abort the driver would run them by themselves.
    checkInTransaction(where, session)
    const { upsertedIds } = await collection.bulkWrite(operations.flat(), { session, ordered: true })
    const made = idsOf(planned, operations, upsertedIds)
    this.wakeAfter(session, jobs, made)
    return made
  }

  /** Completes a claim; whether that counts, the transaction decides. */
  async complete(jobId: string, claimToken: string | null, session: ClientSession): Promise<CompleteResult> {
    const where = 'complete'
    const { engine } = this.parts
    const collection = this.jobs(checkAppSession(where, this.parts.db, session))
    const { value, failure } = engine.native.planCompletion(jobId, claimToken)
    if (failure !== null) throw failureToError(failure, null)
    const { q, u } = this.decoded(value) as { q: Document; u: Document[] }
    const { matchedCount } = await collection.updateOne(q, u, { session })
    if (matchedCount > 0) return { status: 'completed' }
    const found = await this.readBack(jobId, claimToken ?? undefined)
    // Not by this call, then.
    return found.status === 'completed' ? { status: 'already-terminal', terminalStatus: 'completed' } : found
  }

  async startSession(jobId: string): Promise<ClientSession> {
    const db = checkTransactions('ctx', this.parts.db)
    const session = db.client.startSession({ causalConsistency: true })
    try {
      // Where the claim was written: the reply carries a time that is not before it.
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
    const db = checkTransactions('ctx.transaction', this.parts.db)
    this.limit ??= limitOf(db)
    const limit = await this.limit
    return limit + Math.min(Math.max(limit / 2, 1000), 60_000)
  }

  async readBack(jobId: string, claimToken?: string): Promise<CompleteResult> {
    const found = await this.parts.engine.call((native) => native.readBack(jobId, claimToken ?? null))
    return settledAs<CompleteResult>(found)
  }

  private jobs(db: Db): Jobs {
    return db.collection(this.parts.collectionName)
  }

  private operation(bytes: Uint8Array): Operation {
    const { insert, q, u, upsert } = this.decoded(bytes) as {
      insert?: Document & { _id: string }
      q: Document
      u: UpdateFilter<Document & { _id: string }>
      upsert: boolean
    }
    return insert === undefined
      ? { updateOne: { filter: q, update: u, upsert } }
      : { insertOne: { document: insert } }
  }

  private decoded(bytes: Uint8Array): Record<string, unknown> {
    return this.parts.codec().bson.deserialize(bytes, EXACT_READING)
  }

  /** Workers in this process hear of the jobs when the transaction is over; those elsewhere by push, or when they poll. */
  private wakeAfter(
    session: ClientSession,
    jobs: readonly NativeNewJob[],
    made: readonly (string | null)[],
  ): void {
    const delays = new Map<string, number>()
    for (const [index, { type, delayMs }] of jobs.entries()) {
      if (made[index] !== null) delays.set(type, Math.min(delayMs, delays.get(type) ?? Infinity))
    }
    if (delays.size === 0) return
    const { native } = this.parts.engine
    afterTransaction(session, (elapsedMs) => {
      for (const [type, delayMs] of delays) native.wake(type, Math.max(0, delayMs - elapsedMs))
    })
  }
}

/** By the last write of each job, which says whether it made it. */
function idsOf(
  planned: readonly NativePlannedJob[],
  operations: readonly (readonly Operation[])[],
  upsertedIds: Readonly<Record<number, unknown>>,
): (string | null)[] {
  let written = 0
  return planned.map(({ id }, index) => {
    const writes = operations[index]!
    written += writes.length
    const isMade = 'insertOne' in writes.at(-1)! || upsertedIds[written - 1] !== undefined
    return isMade ? id : null
  })
}

async function limitOf(db: Db): Promise<number> {
  try {
    const reply = await db.admin().command({ getParameter: 1, transactionLifetimeLimitSeconds: 1 })
    const seconds = Number(reply.transactionLifetimeLimitSeconds)
    return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : DEFAULT_LIMIT_MS
  } catch {
    // Not everybody may ask, and a mongos does not know.
    return DEFAULT_LIMIT_MS
  }
}
