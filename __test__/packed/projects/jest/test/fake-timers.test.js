const { DummyBackend, JobQueue } = require('durabl')
const { Signups, registerProcessors } = require('../src/signups')

let backend, queue, mailer

beforeEach(() => {
  jest.useFakeTimers()
  backend = new DummyBackend({ random: () => 0 })
  queue = new JobQueue(backend)
  mailer = { send: jest.fn() }
  registerProcessors(queue, mailer)
})

afterEach(async () => {
  await queue.shutdown()
  expect(jest.getTimerCount()).toBe(0)
  jest.useRealTimers()
})

const sent = () => mailer.send.mock.calls.map(([letter]) => letter)

test('the reminder goes out a day later, to the millisecond', async () => {
  await new Signups(queue).signUp({ id: 'ada' })
  await jest.advanceTimersByTimeAsync(0)
  expect(sent()).toEqual(['welcome'])
  await jest.advanceTimersByTimeAsync(24 * 3600 * 1000 - 1)
  expect(sent()).toEqual(['welcome'])
  await jest.advanceTimersByTimeAsync(1)
  expect(sent()).toEqual(['welcome', 'reminder'])
})

test('a welcome that fails is tried again after its back-off, and given up after three attempts', async () => {
  mailer.send.mockRejectedValue(new Error('the mail server is away'))
  await new Signups(queue).signUp({ id: 'ada' })
  const attempts = []
  for (let waited = 0; waited < 60_000; waited += 10_000) {
    await jest.advanceTimersByTimeAsync(waited === 0 ? 0 : 10_000)
    attempts.push(sent().length)
  }
  expect(attempts).toEqual([1, 2, 3, 3, 3, 3])
  expect(backend.getJobsByStatus('failed')).toMatchObject([
    { attempt: 3, failReason: 'the mail server is away' },
  ])
})

test('a handler that runs for too long has its signal aborted, and its job fails', async () => {
  let reason
  queue.process(
    'slow',
    (_job, { signal }) =>
      new Promise(() => signal.addEventListener('abort', () => (reason = signal.reason.code))),
    { timeoutMs: 1000 },
  )
  await queue.enqueue('slow', {}, { maxAttempts: 1 })
  await jest.advanceTimersByTimeAsync(999)
  expect(reason).toBeUndefined()
  await jest.advanceTimersByTimeAsync(1)
  expect(reason).toBe('ERR_DURABL_HANDLER_TIMEOUT')
  expect(backend.getJobsByStatus('failed')).toHaveLength(1)
})
