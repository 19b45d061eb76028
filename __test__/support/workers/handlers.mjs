/** Handlers for the workers of the tests, by name. */
import { existsSync } from 'node:fs'
import { FatalJobError } from 'durabl'
import { letPass } from '../time.mjs'

function busyFor(ms) {
  const end = process.hrtime.bigint() + BigInt(ms) * 1_000_000n
  while (process.hrtime.bigint() < end);
}

/** A signal that is aborted when the job is to be cancelled, and for no other reason. */
function cancellationOf({ signal }) {
  const cancellation = new AbortController()
  const tell = () => {
    if (signal.reason.code === 'ERR_DURABL_CANCELLED') cancellation.abort(signal.reason)
  }
  if (signal.aborted) tell()
  else signal.addEventListener('abort', tell)
  return cancellation.signal
}

export const HANDLERS = {
  async nothing() {},

  sleep: ({ ms }) => letPass(ms, 'work'),

  /** Some are quick and some are not. */
  async varied({ ms }) {
    await letPass(Math.random() * ms, 'work')
  },

  /** Goes wrong every now and then. */
  async mishap({ ms }) {
    await letPass(Math.random() * ms, 'work')
    if (Math.random() < 0.2) throw new Error('a mishap')
  },

  /** Does as its payload says: takes so long, goes wrong for so many attempts, and heeds a cancellation. */
  async scripted(_, { job, ctx }) {
    const { ms, wrongFor = 0, isFatal = false, heeds = false } = job.data
    await letPass(ms, 'work', heeds ? { signal: cancellationOf(ctx) } : {}).catch(() => {
      throw ctx.signal.reason
    })
    if (job.attempt > wrongFor) return
    throw isFatal ? new FatalJobError('it was to fail for good') : new Error('it was to go wrong')
  },

  /** Holds the event loop: nothing else happens in this thread meanwhile. */
  async block({ ms }) {
    busyFor(ms)
  },

  /** Does so until a file is there. */
  async blockUntil({ file }) {
    while (!existsSync(file)) busyFor(10)
  },

  /** Takes the process with it, as a fault in native code would. */
  async crash() {
    process.kill(process.pid, 'SIGKILL')
    await new Promise(() => {})
  },

  hang: () => new Promise(() => {}),

  /** Never ends by itself; keeps the process busy, as work does. */
  wait: ({ ms = 60_000 }, { ctx }) => letPass(ms, 'work', { signal: ctx.signal }),

  /** Moves money in a transaction, taking its time in the middle of it, and leaves a receipt to be sent. May heed its signal. */
  async transfer({ ms = 0, heeds = false }, { job, ctx, tell, db, queue }) {
    const { from, to, amount } = job.data
    const add = (account, sum, session) =>
      db.collection('accounts').updateOne({ _id: account }, { $inc: { balance: sum } }, { session })
    await ctx.transaction(async (session) => {
      await db.collection('ledger').insertOne({ _id: job.id, attempt: job.attempt }, { session })
      await add(from, -amount, session)
      tell('halfway', { job: job.id, attempt: job.attempt })
      await letPass(ms, 'work', heeds ? { signal: ctx.signal } : {})
      await add(to, amount, session)
      await queue.enqueue('receipt', { transfer: job.id }, { session })
    })
    tell('moved', { job: job.id, attempt: job.attempt })
  },

  /** Waits until its signal is aborted, and takes no notice. */
  deaf: ({ ms = 60_000 }) => letPass(ms, 'work'),
}
