const { FatalJobError, ImmediateBackend, JobQueue } = require('durabl')
const { Signups, registerProcessors } = require('../src/signups')

test('a sign-up sends its letters', async () => {
  const queue = new JobQueue(new ImmediateBackend())
  const mailer = { send: jest.fn() }
  registerProcessors(queue, mailer)
  await new Signups(queue).signUp({ id: 'ada' })
  expect(mailer.send.mock.calls).toEqual([
    ['welcome', { id: 'ada' }],
    ['reminder', { id: 'ada' }],
  ])
})

test('a letter that cannot be sent is on the job', async () => {
  const backend = new ImmediateBackend()
  const queue = new JobQueue(backend)
  queue.process('letter', () => {
    throw new FatalJobError('no such address')
  })
  await expect(queue.enqueue('letter', {})).rejects.toThrow('no such address')
  expect(backend.jobs[0]).toMatchObject({ status: 'failed', failReason: 'no such address' })
})
