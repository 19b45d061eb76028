import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { DummyBackend, FatalJobError, ImmediateBackend, JobQueue } from 'durabl'
import { Signups, registerProcessors } from '../src/signups.js'

const ada = { id: 'ada', since: new Date(0) }

describe('with a backend that records', () => {
  let backend, signups
  beforeEach(() => {
    backend = new DummyBackend()
    signups = new Signups(new JobQueue(backend))
  })

  test('a sign-up leaves a welcome and a reminder', async () => {
    expect(await signups.signUp(ada)).toBe(true)
    expect(backend.jobs.map(({ type }) => type)).toEqual(['welcome-email', 'reminder'])
    expect(backend.jobs[0].data.since).toBeInstanceOf(Date)
  })

  test('the same user is welcomed once', async () => {
    await signups.signUp(ada)
    expect(await signups.signUp(ada)).toBe(false)
  })

  test('a malformed argument is an error that Vitest knows as one', async () => {
    await expect(new JobQueue(backend).enqueue('x', {}, { delay: -1 })).rejects.toThrow(RangeError)
  })
})

describe('with a backend that runs', () => {
  test('a sign-up sends its letters', async () => {
    const queue = new JobQueue(new ImmediateBackend())
    const mailer = { send: vi.fn() }
    registerProcessors(queue, mailer)
    await new Signups(queue).signUp(ada)
    expect(mailer.send.mock.calls.map(([letter]) => letter)).toEqual(['welcome', 'reminder'])
  })

  test('a letter that cannot be sent is on the job', async () => {
    const backend = new ImmediateBackend()
    backend.registerHandler('letter', () => {
      throw new FatalJobError('no such address')
    })
    await new JobQueue(backend).enqueue('letter', {})
    expect(backend.jobs[0]).toMatchObject({ status: 'failed', failReason: 'no such address' })
  })
})

describe('with fake timers', () => {
  let backend, queue, mailer
  beforeEach(() => {
    vi.useFakeTimers()
    backend = new DummyBackend({ random: () => 0.5 })
    queue = new JobQueue(backend)
    mailer = { send: vi.fn() }
    registerProcessors(queue, mailer)
  })
  afterEach(async () => {
    await queue.shutdown()
    expect(vi.getTimerCount()).toBe(0)
    vi.useRealTimers()
  })

  test('the reminder goes out a day later, to the millisecond', async () => {
    await new Signups(queue).signUp(ada)
    await vi.advanceTimersByTimeAsync(24 * 3600 * 1000 - 1)
    expect(mailer.send).toHaveBeenCalledTimes(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(mailer.send).toHaveBeenLastCalledWith('reminder', ada)
  })

  test('a welcome that fails is tried again, waits longer each time, and is given up', async () => {
    const times = []
    mailer.send.mockImplementation(async () => {
      times.push(Date.now())
      throw new Error('the mail server is away')
    })
    await new Signups(queue).signUp(ada)
    await vi.advanceTimersByTimeAsync(120_000)
    expect(times.map((time) => time - times[0])).toEqual([0, 15_000, 40_000])
    expect(backend.getJobsByStatus('failed')).toMatchObject([{ attempt: 3 }])
  })
})
