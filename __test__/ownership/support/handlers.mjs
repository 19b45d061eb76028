/** What workers of the tests do with a job, by name. */
import { setTimeout as sleep } from 'node:timers/promises'

function busyFor(ms) {
  const end = process.hrtime.bigint() + BigInt(ms) * 1_000_000n
  while (process.hrtime.bigint() < end);
}

export const HANDLERS = {
  async nothing() {},

  sleep: ({ ms }) => sleep(ms),

  /** Some are quick and some are not. */
  async varied({ ms }) {
    await sleep(Math.random() * ms)
  },

  /** Goes wrong every now and then. */
  async mishap({ ms }) {
    await sleep(Math.random() * ms)
    if (Math.random() < 0.2) throw new Error('a mishap')
  },

  /** Holds the event loop: nothing else happens in this thread meanwhile. */
  async block({ ms }) {
    busyFor(ms)
  },

  /** Takes the process with it, as a fault in native code would. */
  async crash() {
    process.kill(process.pid, 'SIGKILL')
    await new Promise(() => {})
  },

  hang: () => new Promise(() => {}),

  /** Never ends by itself; keeps the process busy, as work does. */
  wait: ({ ms = 60_000 }, { ctx }) => sleep(ms, undefined, { signal: ctx.signal }),

  /** Waits until its signal is aborted, and takes no notice. */
  deaf: ({ ms = 60_000 }) => sleep(ms),
}
