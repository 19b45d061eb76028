/** Names that the samples in the documents use without declaring them. Each sample is compiled against this file, as a module of its own. */
import type * as durabl from 'durabl'
import type { Collection, Db as MongoDb, MongoClient } from 'mongodb'

declare global {
  const client: MongoClient
  const db: MongoDb
  const orders: Collection<{ _id: string; userId: string; rebuilt?: boolean }>
  const accounts: Collection<{ _id: string; balance: number }>
  const queue: durabl.JobQueue
  const backend: durabl.MongoJobQueue
  const userId: string
  const id: string
  const users: { id: string }[]
  function sendWelcomeEmail(userId: string, options?: { signal: AbortSignal }): Promise<void>
  function reschedule(userId: string): Promise<void>
  function findUser(userId: string): Promise<{ email: string } | null>
  const metrics: { count(name: string, tags: object): void }
  const myService: { doThing(): Promise<void> }
  function afterEach(hook: () => Promise<void>): void
  function expect(value: unknown): {
    toBe(other: unknown): void
    toEqual(other: unknown): void
    toHaveLength(n: number): void
  }
}
