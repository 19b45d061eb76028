import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { DummyBackend, JobQueue } from 'durabl'
import { deferred, settled } from '../../support/async.mjs'
import { recordingLogger, silentLogger } from '../../support/loggers.mjs'
import { override } from '../../support/override.mjs'

let queue, backend, looks
beforeEach(() => {
  backend = new DummyBackend()
  looks = 0
})
afterEach(() => queue.shutdown(0))

/** A queue on the dummy backend that counts claims; `methods` replaces more of the backend. */
function counting(methods = {}, logger = silentLogger, options = {}) {
  const claimNext = (type) => ((looks += 1), backend.claimNext(type))
  queue = new JobQueue(override(backend, { claimNext, ...methods }), logger, options)
  return queue
}

/** Lets fake time pass in steps, so that timers that arm timers take part. */
async function pass(t, ms, step = 50) {
  for (let done = 0; done < ms; done += step) {
    t.mock.timers.tick(Math.min(step, ms - done))
    await settled()
  }
}

describe('a processor', () => {
  it('looks for work at once, before `process` returns', () => {
    counting().process('work', () => {})
    assert.equal(looks, 1)
  })

  it('claims in the same tick as a wake-up', async () => {
    let wake
    counting({ onJobAvailable: (listener) => ((wake = listener), () => {}) })
    queue.process('work', () => {})
    await settled()
    const before = looks
    wake('work')
    assert.equal(looks, before + 1)
    wake('other')
    assert.equal(looks, before + 1)
    await settled()
    wake('')
    assert.equal(looks, before + 2)
  })

  it('looks again for a wake-up that came while a look was under way', async () => {
    const replies = [deferred(), deferred()]
    let wake
    let asked = 0
    counting({
      onJobAvailable: (listener) => ((wake = listener), () => {}),
      claimNext: () => replies[asked++].promise,
    })
    queue.process('work', () => {})
    wake('work')
    assert.equal(asked, 1)
    replies[0].resolve(null)
    await settled()
    assert.equal(asked, 2)
    replies[1].resolve(null)
  })

  it('runs jobs that are enqueued here on a backend that has no wake-ups', async () => {
    counting({ onJobAvailable: undefined })
    const ran = deferred()
    queue.process('work', ran.resolve)
    await settled()
    await queue.enqueue('work', {})
    await ran.promise
  })

  it('runs as many at once as its concurrency, and the next as soon as one has ended', async () => {
    counting()
    const running = []
    for (let n = 0; n < 10; n += 1) await queue.enqueue('work', n)
    queue.process(
      'work',
      (job) => {
        const end = deferred()
        running.push({ n: job.data, end: end.resolve })
        return end.promise
      },
      { concurrency: 3 },
    )
    await settled()
    assert.deepEqual(
      running.map(({ n }) => n),
      [0, 1, 2],
    )
    running[1].end()
    await settled()
    assert.deepEqual(
      running.map(({ n }) => n),
      [0, 1, 2, 3],
    )
    assert.equal(backend.getJobsByStatus('active').length, 3)
    for (let n = 0; n < 10; n += 1) {
      running[n].end()
      await settled()
    }
    assert.equal(backend.getJobsByStatus('completed').length, 10)
  })

  it('never exceeds its concurrency on a slow backend', async () => {
    let atOnce = 0
    let most = 0
    const slowly = async (value) => (await settled(), value)
    counting({ claimNext: async (type) => slowly(await backend.claimNext(type)) })
    for (let n = 0; n < 30; n += 1) await queue.enqueue('work', n)
    const all = deferred()
    let ended = 0
    const handler = async () => {
      most = Math.max(most, (atOnce += 1))
      for (let n = 0; n < 4; n += 1) await settled()
      atOnce -= 1
      if ((ended += 1) === 30) all.resolve()
    }
    queue.process('work', handler, { concurrency: 4 })
    await all.promise
    assert.equal(most, 4)
  })

  it('asks a slow backend for several jobs at once while it finds some, and for one when it does not', async () => {
    let atOnce = 0
    let most = 0
    counting({
      claimNext: async (type) => {
        most = Math.max(most, (atOnce += 1))
        await settled()
        atOnce -= 1
        return backend.claimNext(type)
      },
    })
    for (let n = 0; n < 20; n += 1) await queue.enqueue('work', n)
    queue.process('work', () => {}, { concurrency: 4 })
    while (backend.getJobsByStatus('completed').length < 20) await settled()
    assert.ok(most > 1 && most <= 4, `${most} claims at once`)
    while (atOnce > 0) await settled()
    most = 0
    await queue.enqueue('work', {})
    assert.equal(most, 1)
  })

  it('whose configuration was refused can be registered again', () => {
    counting()
    assert.throws(() => queue.process('work', () => {}, { concurrency: -1 }), RangeError)
    assert.throws(() => queue.process('work', 'no function'), TypeError)
    queue.process('work', () => {})
  })
})

describe('polling', () => {
  beforeEach((t) => t.mock.timers.enable({ apis: ['setTimeout', 'Date'] }))
  afterEach((t) => t.mock.timers.reset())

  it('grows rarer while there is nothing to do, up to the poll interval', async (t) => {
    counting({ onJobAvailable: undefined }).process('work', () => {}, { pollInterval: 4000 })
    await settled()
    await pass(t, 4000)
    assert.ok(looks >= 4 && looks <= 7, `${looks} looks in the first interval`)
    looks = 0
    await pass(t, 40_000)
    assert.ok(looks >= 10 && looks <= 13, `${looks} looks in ten intervals`)
  })

  it('never pauses for longer than the poll interval', async (t) => {
    counting({ onJobAvailable: undefined }).process('work', () => {}, { pollInterval: 1000 })
    await settled()
    await pass(t, 5000)
    for (let n = 0; n < 5; n += 1) {
      const id = await backend.enqueue('work', n)
      await pass(t, 1000, 10)
      assert.equal(backend.jobs.find((job) => job.id === id).status, 'completed')
    }
  })

  for (const [name, onJobAvailable, most, least] of [
    ['5 s where there are no wake-ups', undefined, 28, 20],
    ['5 s where a subscription is refused', () => null, 28, 20],
    [
      '5 s where subscribing throws',
      () => {
        throw new Error('no')
      },
      28,
      20,
    ],
    ['60 s where wake-ups are pushed', () => () => {}, 3, 2],
  ]) {
    it(`defaults to ${name}`, async (t) => {
      counting({ onJobAvailable }).process('work', () => {})
      await settled()
      await pass(t, 120_000, 100)
      looks = 0
      await pass(t, 120_000, 100)
      assert.ok(looks >= least && looks <= most, `${looks} looks in two minutes`)
    })
  }

  it('subscribes again once the backend has started', async () => {
    let isStarted = false
    let subscribed = 0
    counting({
      startup: async () => void (isStarted = true),
      onJobAvailable: () => (isStarted ? ((subscribed += 1), () => {}) : null),
    })
    queue.process('work', () => {})
    assert.equal(subscribed, 0)
    await queue.startup()
    await queue.startup()
    assert.equal(subscribed, 1)
  })

  it('does not wait for jobs that were enqueued here with a delay', async (t) => {
    counting({ onJobAvailable: undefined })
    const ran = []
    queue.process('work', (job) => void ran.push(job.data), { pollInterval: 60_000 })
    await pass(t, 100_000, 1000)
    await queue.enqueue('work', 'b', { delay: 2000 })
    await queue.enqueue('work', 'a', { delay: 1000 })
    await pass(t, 1000)
    assert.deepEqual(ran, ['a'])
    await pass(t, 1000)
    assert.deepEqual(ran, ['a', 'b'])
  })

  it('starts delayed jobs on time however many there have been', async (t) => {
    counting({ onJobAvailable: undefined })
    let ran = 0
    queue.process('work', () => void (ran += 1), { pollInterval: 60_000, concurrency: 300 })
    await pass(t, 100_000, 1000)
    for (let round = 1; round <= 3; round += 1) {
      for (let n = 0; n < 300; n += 1) await queue.enqueue('work', n, { delay: 1000 })
      await pass(t, 1100)
      assert.equal(ran, 300 * round)
    }
  })

  it('looks for a delayed job once more, as the clock of the backend may be a little behind', async (t) => {
    let behindMs = 0
    backend = new DummyBackend({ clock: () => Date.now() - behindMs })
    counting({ onJobAvailable: undefined })
    const ran = []
    queue.process('work', (job) => void ran.push(job.data), { pollInterval: 60_000 })
    await pass(t, 100_000, 1000)
    await queue.enqueue('work', 'a', { delay: 1000 })
    behindMs = 3
    await pass(t, 1000)
    assert.deepEqual(ran, [])
    await pass(t, 10, 1)
    assert.deepEqual(ran, ['a'])
  })
})

describe('a backend that fails', () => {
  beforeEach((t) => t.mock.timers.enable({ apis: ['setTimeout', 'Date'] }))
  afterEach((t) => t.mock.timers.reset())

  const failures = [
    [
      'rejects',
      async () => {
        throw new Error('down')
      },
    ],
    [
      'throws',
      () => {
        throw new Error('down')
      },
    ],
    ['claims what is no job', async () => ({ no: 'job' })],
    ['claims a string', async () => 'dummy-1'],
  ]
  for (const [name, claimNext] of failures) {
    it(`is asked again, ever more rarely (it ${name})`, async (t) => {
      const logger = recordingLogger()
      let asked = 0
      counting({ claimNext: (type) => ((asked += 1), claimNext(type)) }, logger)
      queue.process('work', () => assert.fail('there is no job'))
      await settled()
      await pass(t, 60_000)
      assert.ok(asked >= 12 && asked <= 32, `asked ${asked} times in a minute`)
      assert.equal(logger.at('warn').length, 4)
      assert.equal(logger.at('error').length, 1)
      assert.ok(logger.at('error')[0].err instanceof Error)
    })
  }

  it('is worked with again as soon as it has recovered', async (t) => {
    const logger = recordingLogger()
    let isDown = true
    counting(
      {
        claimNext: async (type) => {
          if (isDown) throw new Error('down')
          return backend.claimNext(type)
        },
      },
      logger,
    )
    await queue.enqueue('work', {})
    queue.process('work', () => {}, { concurrency: 4 })
    await pass(t, 30_000)
    isDown = false
    await pass(t, 5000)
    assert.equal(backend.jobs[0].status, 'completed')
    assert.match(logger.at('info')[0].message, /works again/)
  })

  it('is not asked more often because of wake-ups', async (t) => {
    let asked = 0
    counting({
      claimNext: async () => {
        asked += 1
        throw new Error('down')
      },
    })
    queue.process('work', () => {})
    await pass(t, 10_000)
    asked = 0
    for (let n = 0; n < 50; n += 1) await queue.enqueue('work', n)
    await settled()
    assert.equal(asked, 0)
  })
})

describe('a job that waits behind the key of another one', () => {
  const KEY = { dedupeKey: 'k', dedupeScope: 'pending' }
  for (const [name, end] of [
    ['settled by its handler', (ctx) => ctx.complete()],
    ['completed in a transaction', (ctx) => ctx.transaction(() => {})],
  ])
    it(`starts once that is ${name}, though the handler goes on and the backend wakes no one`, async (t) => {
      t.mock.timers.enable({ apis: ['setTimeout'] })
      const [started, gate] = [[], deferred()]
      counting({ onJobAvailable: undefined })
      await queue.enqueue('work', 1, KEY)
      queue.process(
        'work',
        async (job, ctx) => {
          started.push(job.data)
          if (job.data === 2) return
          await queue.enqueue('work', 2, KEY)
          await settled()
          await end(ctx)
          await gate.promise
        },
        { concurrency: 2 },
      )
      await settled()
      await settled()
      await settled()
      assert.deepEqual(started, [1, 2])
      gate.resolve()
      t.mock.timers.reset()
    })
})
