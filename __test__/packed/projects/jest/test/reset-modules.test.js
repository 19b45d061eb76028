const { FatalJobError, ImmediateBackend, JobQueue } = require('durabl')

test('durabl knows its own objects after the modules were reset', async () => {
  jest.resetModules()
  const backend = new ImmediateBackend()
  const queue = new JobQueue(backend)
  queue.process('letter', () => {
    throw new FatalJobError('no such address')
  })
  await expect(queue.enqueue('letter', {}, { maxAttempts: 3 })).rejects.toThrow('no such address')
  expect(backend.jobs[0]).toMatchObject({ status: 'failed' })
})
