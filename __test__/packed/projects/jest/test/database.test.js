const { MongoClient, ObjectId } = require('mongodb')
const { JobQueue, MongoJobQueue } = require('durabl')
const { connectOptions } = require('../support/connect-options')
const { Signups, registerProcessors } = require('../src/signups')

let client, db, queue

beforeAll(async () => {
  client = await MongoClient.connect(process.env.MONGO_URL, connectOptions)
  db = client.db(`${process.env.MONGO_DB}_${process.pid}_${process.env.JEST_WORKER_ID}`)
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
  expect(data._id.equals(user._id)).toBe(true)
  expect(data.since.getTime()).toBe(0)
  expect(data.picture.toString('utf8')).toBe('png')
})

test('a key is held until its job has ended', async () => {
  const enqueue = () => queue.enqueue('sync', {}, { dedupeKey: 'sync:1' })
  expect(await enqueue()).toEqual(expect.any(String))
  expect(await enqueue()).toBeNull()
})

test('a job that fails for the server’s reasons is an error that Jest knows as one', async () => {
  await expect(queue.enqueue('x', { big: 'x'.repeat(17e6) })).rejects.toThrow(/16 MB|too large|limit/i)
})
