/** A process in which tests are loaded once and run on one mutant after the other; `scripts/mutants/host/host.mjs` is its program. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { root } from '../process.mjs'

const PROGRAM = fileURLToPath(new URL('host/host.mjs', import.meta.url))

/** The time to load a file, and what a process that is held up gets on top of a test's own limit. */
const LOADING_MS = 60_000
const GRACE_MS = 3_000

export class Host {
  #child
  #lines
  #waiting = null
  #timer

  /** @param mutant is on from the start, also while files are loaded */
  static async start({ directory, env, mutant = 0 }) {
    const host = new Host()
    const variables = { ...process.env, ...env, DURABL_MUTANT: String(mutant) }
    host.#child = spawn(process.execPath, ['--enable-source-maps', PROGRAM, directory], {
      cwd: root,
      env: variables,
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'ipc'],
    })
    host.#child.on('error', () => {})
    host.#lines = createInterface({ input: host.#child.stdio[3] })
    host.#lines.on('line', (line) => host.#waiting?.onMessage(JSON.parse(line)))
    host.#child.once('close', () => host.#waiting?.onMessage({ done: true, died: true }))
    await host.#answer(
      () => {},
      ({ ready, died }) => ready || died,
    )
    return host
  }

  /** The last message to an order; `onMessage` is told of the earlier ones. */
  #answer(onMessage, isLast) {
    return new Promise((resolve) => {
      const finish = (message) => {
        clearTimeout(this.#timer)
        this.#waiting = null
        resolve(message)
      }
      const expect = (ms) => {
        clearTimeout(this.#timer)
        this.#timer = setTimeout(() => {
          finish({ done: true, hangs: true })
          this.#child.kill('SIGKILL')
        }, ms)
      }
      expect(LOADING_MS)
      this.#waiting = {
        onMessage(message) {
          if (isLast(message)) return finish(message)
          expect(GRACE_MS + (message.limitMs ?? LOADING_MS))
          onMessage(message)
        },
      }
    })
  }

  get isAlive() {
    return this.#child.exitCode === null && this.#child.signalCode === null && this.#child.connected
  }

  /** Carries an order out. The answer has `hangs` or `died` if the process did not live to give one. */
  order(message, onMessage = () => {}) {
    if (!this.isAlive) return Promise.resolve({ done: true, died: true })
    const answer = this.#answer(onMessage, ({ done }) => done)
    this.#child.send(message, () => {})
    return answer
  }

  async stop() {
    if (!this.isAlive) return
    const closed = once(this.#child, 'close')
    this.#child.kill('SIGKILL')
    await closed
  }
}
