/** Child processes of the scripts: started, waited for, and ended with their parent. */
import { spawn } from 'node:child_process'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository's root: the working directory of everything that the scripts start. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)))

const running = new Set()

/** Tools written for Unix shells have `.cmd` fronts on Windows, which only a shell can start. */
const needsShell = (command) => process.platform === 'win32' && ['npm', 'npx'].includes(command)

function start(command, args, { stdio, env } = {}) {
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
    shell: needsShell(command),
    stdio,
  })
  running.add(child)
  child.once('close', () => running.delete(child))
  return child
}

function ended(child) {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(code ?? 128 + (signal === 'SIGINT' ? 2 : 15)))
  })
}

/** Runs a command whose output goes straight to the terminal. Resolves to its exit code. */
export function run(command, args, options = {}) {
  return ended(start(command, args, { stdio: ['ignore', 'inherit', 'inherit'], ...options }))
}

/**
 * Runs a command and keeps what it prints (both streams, as they come).
 *
 * @param options.onLine told of each line at once
 * @param options.timeoutMs kills the command when it takes longer
 * @param options.signal an `AbortSignal` that kills it
 * @returns the exit code (127 if there is no such command) and the output
 */
export async function capture(command, args, { env, onLine, timeoutMs, signal } = {}) {
  const child = start(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env })
  const timer = timeoutMs && setTimeout(() => child.kill('SIGKILL'), timeoutMs)
  signal?.addEventListener('abort', () => child.kill('SIGKILL'))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    let rest = ''
    stream.setEncoding('utf8')
    stream.on('data', (text) => {
      output += text
      const lines = (rest + text).split('\n')
      rest = lines.pop()
      lines.forEach((line) => onLine?.(line))
    })
  }
  try {
    return { code: await ended(child), output }
  } catch (error) {
    return { code: 127, output: error.message }
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Passes SIGINT and SIGTERM on to what runs, so that the script ends when its children have. At a terminal, the children have
 * had the SIGINT already; a second one does no harm.
 */
export function forwardSignals() {
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => {
      process.exitCode = signal === 'SIGINT' ? 130 : 143
      interrupted = true
      for (const child of running) child.kill(signal)
    })
  }
}

let interrupted = false

/** Whether a signal has asked the script to end: nothing new should be started. */
export const wasInterrupted = () => interrupted

/** Does the work for each item, one at a time by each of the workers, until a signal asks for the end. */
export async function eachBy(workers, items, work) {
  const waiting = [...items]
  const lane = async (worker, place) => {
    while (waiting.length > 0 && !wasInterrupted()) await work(waiting.shift(), worker, place)
  }
  await Promise.all(workers.map(lane))
}
