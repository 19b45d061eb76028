import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { MongoClient, ObjectId } from 'mongodb'
import { JobQueue, MongoJobQueue } from 'durabl'
import { Signups, registerProcessors } from '../src/signups.js'

let client, db, queue

beforeAll(async () => {
  client = await MongoClient.connect(process.env.MONGO_URL)
  db = client.db(`${process.env.MONGO_DB}_app`)
})

beforeEach(async () => {
  const backend = new MongoJobQueue({ db, useChangeStreams: true })
  await backend.startup()
  queue = new JobQueue(backend)
})

afterEach(() => queue.shutdown())

afterAll(async () => {
  await db.dropDatabase()
  await client.close()
})

test('a sign-up is welcomed by the worker, with its data as it was', async () => {
  const user = { id: 'ada', _id: new ObjectId(), since: new Date(0), picture: Buffer.from('png') }
  const letter = new Promise((resolve) =>
    registerProcessors(queue, { send: (name, data) => resolve({ name, data }) }),
  )
  expect(await new Signups(queue).signUp(user)).toBe(true)
  const { name, data } = await letter
  expect(name).toBe('welcome')
  expect(data._id).toBeInstanceOf(ObjectId)
  expect(data.since).toBeInstanceOf(Date)
  expect(data.picture.toString('utf8')).toBe('png')
})

test('a key is held until its job has ended', async () => {
  const enqueue = () => queue.enqueue('sync', {}, { dedupeKey: 'sync:1' })
  expect(await enqueue()).toEqual(expect.any(String))
  expect(await enqueue()).toBeNull()
})
