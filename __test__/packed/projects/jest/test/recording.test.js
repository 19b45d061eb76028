const { DummyBackend, JobQueue } = require('durabl')
const { Signups } = require('../src/signups')

const ada = { id: 'ada', since: new Date(0) }
let backend, signups

beforeEach(() => {
  backend = new DummyBackend()
  signups = new Signups(new JobQueue(backend))
})

test('a sign-up leaves a welcome and a reminder for later', async () => {
  expect(await signups.signUp(ada)).toBe(true)
  expect(backend.jobs).toHaveLength(2)
  const [welcome, reminder] = backend.jobs
  expect(welcome).toMatchObject({ type: 'welcome-email', status: 'pending', dedupeKey: 'welcome-email:ada' })
  expect(welcome.data).toEqual(ada)
  expect(welcome.data.since).toBeInstanceOf(Date)
  expect(reminder.runAt.getTime() - Date.now()).toBeGreaterThan(23 * 3600 * 1000)
})

test('the same user is welcomed once', async () => {
  await signups.signUp(ada)
  expect(await signups.signUp(ada)).toBe(false)
  expect(backend.getJobsByType('welcome-email')).toHaveLength(1)
})

test('a malformed argument is an error that Jest knows as one', async () => {
  await expect(new JobQueue(backend).enqueue('x', {}, { delay: -1 })).rejects.toThrow(RangeError)
  expect(() => new JobQueue(backend).process('x')).toThrow(TypeError)
})
