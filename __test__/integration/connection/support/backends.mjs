/** Backends on servers of a test's own, each overheard. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { JobQueue, MongoJobQueue } from 'durabl'
import { MongoClient } from 'mongodb'
import { MongoClient as MongoClient6 } from 'mongodb6'
import { atEnd } from '../../../support/cleanup.mjs'

/** The client of each driver that an app may have. */
export const CLIENTS = { 'mongodb 7': MongoClient, 'mongodb 6': MongoClient6 }

export const PATIENCE = { serverSelectionTimeoutMS: 5000 }

/** Makes a user by the way that is open until there is one; the client of that user. */
export async function createAdmin(uri, password, options) {
  const direct = { ...PATIENCE, ...options, directConnection: true }
  const client = await MongoClient.connect(uri, direct)
  await client.db('admin').command({ createUser: 'admin', pwd: password, roles: ['root'] })
  await client.close()
  return MongoClient.connect(uri, { ...direct, auth: { username: 'admin', password } })
}

export class Backends {
  /** @param overheard hears all that they log, and sees them */
  constructor(overheard) {
    this.overheard = overheard
  }

  /** The app's client, and a started backend on its database. */
  async ofClient(t, uri, options = {}, Client = MongoClient) {
    const client = await Client.connect(uri, { ...PATIENCE, ...options })
    atEnd(t, () => client.close())
    return this.started(t, { db: client.db('app') })
  }

  /** That what an app's client can do, be it of either driver, a backend on it can. */
  async assertClientsWork(t, uri, options) {
    for (const Client of Object.values(CLIENTS))
      await assertWorks(await this.ofClient(t, uri, options, Client))
  }

  /** A backend that need not be able to do anything. */
  made(t, options) {
    const backend = new MongoJobQueue({ logger: this.overheard.logger, ...options })
    atEnd(t, () => backend.shutdown(2000))
    this.overheard.look(backend)
    this.overheard.look(new JobQueue(backend, this.overheard.logger))
    return backend
  }

  async started(t, options) {
    const backend = this.made(t, options)
    await backend.startup()
    return backend
  }

  /** That a call is refused, by an error of this name. */
  async assertRefused(call, name, message = /./) {
    await assert.rejects(call, (error) => {
      this.overheard.look(error)
      assert.equal(error.name, name, error.stack)
      assert.match(error.message, message)
      return true
    })
  }
}

export async function assertWorks(backend) {
  const type = randomUUID()
  const id = await backend.enqueue(type, { hello: 'world' })
  const job = await backend.claimNext(type)
  assert.equal(job.id, id)
  assert.deepEqual(await backend.complete(id, job.claimToken), { status: 'completed' })
}
