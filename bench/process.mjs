/** The processes of a run, as their parent sees them. */
import { fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root } from '../scripts/process.mjs'

const CHILD = fileURLToPath(new URL('child/main.mjs', import.meta.url))
const TIMEOUT_MS = 180_000

/** Peers ask for a newer Node.js than durabl does: theirs is installed with them, and all run by the same. */
const own = join(root, 'bench/node_modules/node/bin/node')
export const node = () => (existsSync(own) ? own : process.execPath)

/**
 * Starts a process in a role.
 *
 * @param role a file in `bench/child`
 * @param request.peer, request.variant, request.place what it works on; more properties are the role's own
 * @returns `ready`, `go()`, `stop()`, and the `result`
 */
export function start(role, request, timeoutMs = TIMEOUT_MS) {
  const child = fork(CHILD, [], { cwd: root, execPath: node(), stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
  let words = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (words += text))
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
  let isReady
  const ready = new Promise((resolve) => (isReady = resolve))
  const result = new Promise((resolve, reject) => {
    child.on('message', (message) => {
      if (message.ready) isReady()
      if (message.result) resolve(message.result)
      if (message.error) reject(new Error(`${request.peer ?? role}: ${message.error}`))
    })
    child.once('exit', (code, signal) => {
      clearTimeout(timer)
      const how =
        signal === 'SIGKILL' ? `did not end within ${timeoutMs / 1000} s` : `ended early (${signal ?? code})`
      reject(new Error(`${request.peer ?? role}: ${role} ${how}\n${words.slice(-2000)}`))
    })
  })
  // A caller that waits for readiness must not wait for a dead process.
  const readyOrGone = Promise.race([ready, result.then(() => {})])
  readyOrGone.catch(() => {})
  result.catch(() => {})
  child.send({ role, ...request })
  return {
    ready: readyOrGone,
    go: () => child.send({ word: 'go' }),
    stop: () => child.send({ word: 'stop' }),
    result,
    pid: child.pid,
  }
}

/** Runs a role from beginning to end. */
export async function play(role, request, timeoutMs) {
  const child = start(role, request, timeoutMs)
  await child.ready
  child.go()
  return child.result
}
