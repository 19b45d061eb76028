/** Worker processes as a test sees them: started, listened to, called, and gone when the test ends. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createInterface } from 'node:readline'
import { atEnd } from '../cleanup.mjs'
import { root } from '../child.mjs'

const SCRIPT = fileURLToPath(new URL('worker.mjs', import.meta.url))

/** The longest wait for something that should come, on a busy machine; elsewhere it is shorter. */
const PATIENCE_MS = 60_000

/** This machine's monotonic clock in milliseconds: the same in every process. */
export const now = () => Number(process.hrtime.bigint() / 1000n) / 1000

class Worker {
  /** Everything that the worker told, in order. */
  events = []
  #child
  #waiting = new Set()
  #calls = 0
  #errors = ''

  constructor(child) {
    this.#child = child
    // Not `exit`: what it told last may still be on its way then.
    this.exited = once(child, 'close').then(([code, signal]) => {
      this.endedAt = now()
      for (const { late } of [...this.#waiting]) late('it has ended')
      return { code, signal }
    })
    child.stderr.setEncoding('utf8').on('data', (text) => (this.#errors += text))
    child.stdin.on('error', () => {})
    createInterface({ input: child.stdout }).on('line', (line) => this.#heard(line))
  }

  get pid() {
    return this.#child.pid
  }

  get stderr() {
    return this.#errors
  }

  /** All events of a kind so far. */
  all(kind, fits = () => true) {
    return this.events.filter((event) => event.kind === kind && fits(event))
  }

  /** The first event of this kind that fits, as soon as there is one. */
  async next(kind, fits = () => true) {
    const seen = this.all(kind, fits)[0]
    if (seen) return seen
    return new Promise((resolve, reject) => {
      const leave = () => {
        clearTimeout(timer)
        this.#waiting.delete(entry)
      }
      const late = (why) => {
        leave()
        reject(new Error(`worker ${this.pid} never told "${kind}": ${why}\n${this.#story()}`))
      }
      const timer = setTimeout(late, PATIENCE_MS, 'time is up')
      const take = (event) => {
        if (event.kind !== kind || !fits(event)) return
        leave()
        resolve(event)
      }
      const entry = { take, late }
      this.#waiting.add(entry)
    })
  }

  /** Calls a method in the worker: of its `queue`, of its `backend`, or of the `worker` itself. */
  async call(on, method, ...args) {
    this.#calls += 1
    const id = this.#calls
    this.#child.stdin.write(`${JSON.stringify({ id, on, method, args })}\n`)
    const { value, error, code } = await this.next('reply', (event) => event.id === id)
    if (error !== undefined) throw Object.assign(new Error(error), { code })
    return value
  }

  signal(name) {
    this.#child.kill(name)
  }

  /** Kills it, and waits until it is gone. */
  async kill() {
    this.#child.kill('SIGKILL')
    await this.exited
  }

  #heard(line) {
    let event
    try {
      event = JSON.parse(line)
    } catch {
      this.#errors += `${line}\n`
      return
    }
    this.events.push(event)
    for (const { take } of [...this.#waiting]) take(event)
  }

  #story() {
    const told = this.events.slice(-20).map((event) => JSON.stringify(event))
    return [...told, this.#errors].join('\n')
  }
}

/**
 * Starts a worker; it is killed with the test. Resolves once its processors run.
 *
 * @param t the test's context
 * @param config what `worker.mjs` reads
 * @param options.env added to its environment
 */
export async function startWorker(t, config, { env = {} } = {}) {
  const inherited = { ...process.env, NODE_TEST_CONTEXT: undefined }
  const child = spawn(process.execPath, [SCRIPT, JSON.stringify(config)], {
    cwd: root,
    env: { ...inherited, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const worker = new Worker(child)
  atEnd(t, () => worker.kill())
  await worker.next('ready')
  return worker
}

/** Starts several alike. */
export function startWorkers(t, count, config, options) {
  return Promise.all(Array.from({ length: count }, () => startWorker(t, config, options)))
}

/** Waits until everything that the workers have told has arrived; what happened in the database may have been seen sooner. */
export async function heardOut(workers) {
  await Promise.all(workers.map((worker) => (worker.endedAt ? null : worker.call('worker', 'now'))))
}

/** The first event of this kind that any of the workers tells, and which worker it was. */
export function nextOf(workers, kind, fits) {
  return Promise.any(workers.map(async (worker) => ({ worker, event: await worker.next(kind, fits) })))
}
