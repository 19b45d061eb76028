/** The chapters of the quick start: each enqueues, lets the queue work, and resolves when its jobs have ended. */
import { setTimeout as sleep } from 'node:timers/promises'
import { FatalJobError } from 'durabl'

export async function dedupe({ queue, narrator }) {
  narrator.chapter('A dedupe key makes enqueuing idempotent')
  const welcome = () => queue.enqueue('welcome-email', { to: 'ada' }, { dedupeKey: 'welcome-email:ada' })
  const id = await welcome()
  narrator.tell('welcome-email', id, 'enqueued', 'cyan', 'under the key welcome-email:ada')
  const second = await welcome()
  narrator.tell(
    'welcome-email',
    second,
    'not made',
    'yellow',
    'a job of that key is waiting: enqueue gave null',
  )

  queue.process('welcome-email', async (job, ctx) => {
    ctx.log(`writing to ${job.data.to}`)
    await sleep(40)
  })
  await narrator.ended(id)
}

export async function priority({ queue, narrator }) {
  narrator.chapter('Lower priorities run first, whatever came first')
  const ids = []
  for (const [name, level] of [
    ['weekly', 10],
    ['daily', 0],
    ['urgent', -10],
  ]) {
    const id = await queue.enqueue('report', { name }, { priority: level })
    narrator.tell('report', id, 'enqueued', 'cyan', `${name}, priority ${level}`)
    ids.push(id)
  }
  queue.process('report', async (job, ctx) => {
    narrator.tell('report', job.id, '…', 'blue', `writing the ${job.data.name} one`)
    await sleep(30)
    await ctx.complete()
  })
  await narrator.ended(...ids)
}

export async function delay({ queue, narrator }) {
  narrator.chapter('A delayed job starts when it is due, to the moment')
  const wait = 1200
  const enqueuedAt = performance.now()
  const id = await queue.enqueue('reminder', { text: 'stand up' }, { delay: wait })
  narrator.tell('reminder', id, 'enqueued', 'cyan', `to run in ${wait} ms`)
  queue.process('reminder', (job) => {
    const waited = Math.round(performance.now() - enqueuedAt)
    narrator.tell('reminder', job.id, '…', 'blue', `"${job.data.text}", ${waited} ms after it was enqueued`)
  })
  await narrator.ended(id)
}

export async function retry({ queue, narrator }) {
  narrator.chapter('A failure is retried after a back-off; a fatal one is not')
  queue.process(
    'charge-card',
    async (job) => {
      await sleep(20)
      if (job.data.card === 'expired') throw new FatalJobError('the card has expired')
      if (job.attempt < 3) throw new Error('the bank did not answer')
    },
    { concurrency: 2 },
  )
  const options = { maxAttempts: 5, backoff: 'fixed', backoffDelay: 400 }
  const flaky = await queue.enqueue('charge-card', { card: 'good' }, options)
  narrator.tell(
    'charge-card',
    flaky,
    'enqueued',
    'cyan',
    'a good card and a bank that answers at the third try',
  )
  const hopeless = await queue.enqueue('charge-card', { card: 'expired' }, options)
  narrator.tell('charge-card', hopeless, 'enqueued', 'cyan', 'an expired card')
  await narrator.ended(flaky, hopeless)
}

export async function singleFlight({ queue, backend, narrator }) {
  narrator.chapter('Single flight: five callers at once make one run, and one more behind it')
  const dedupeKey = 'sync:ada'
  const call = (caller) =>
    queue.claimOrEnqueue('sync', { caller }, { dedupeKey, dedupeScope: 'pending', coalesce: 'latest' })
  const handles = await Promise.all([1, 2, 3, 4, 5].map(call))
  const handle = handles.find((each) => each !== null)
  narrator.tell(
    'sync',
    handle.id,
    'claimed',
    'cyan',
    `by caller ${handle.data.caller}; the other four got null`,
  )

  const follower = await backend.findOne({ type: 'sync', dedupeKey, status: 'pending' })
  narrator.tell(
    'sync',
    follower.id,
    'waiting',
    'cyan',
    `one follower for all four, with the data of caller ${follower.data.caller}`,
  )

  let running = 0
  let most = 0
  await queue.runClaimed(handle, async () => {
    most = Math.max(most, ++running)
    await sleep(150)
    running -= 1
  })
  narrator.tell('sync', null, 'done', 'green', `never more than ${most} at once`)
}
