/** Programs run in processes of their own, from the repository's root. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { watchStalls } from './stalls.mjs'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** Runs Node: see `run`. */
export const runNode = (args, options) => run(process.execPath, args, options)

/**
 * Runs a command. The process is killed when it takes too long, and the result then says so.
 *
 * @param args the arguments of the command
 * @param options.env added to this process's environment
 * @param options.onLine called with each line of standard output, and the child
 * @param options.shell whether a shell starts it
 * @returns `code`, `signal`, `stdout`, `stderr`, `ms` (from start to end) and `timedOut`. `quietMs` is the time from the last output to the end,
 *   less the time for which the machine stood still
 */
export async function run(
  command,
  args,
  { env = {}, cwd = root, timeoutMs = 30_000, encoding = 'utf8', shell = false, onLine } = {},
) {
  const start = performance.now()
  const endOfWatch = watchStalls()
  let spokeAt = start
  const child = spawn(command, args, {
    cwd,
    env: { ...cleanEnv(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    shell,
  })
  const result = { stdout: '', stderr: '', timedOut: false }
  const timer = setTimeout(() => {
    result.timedOut = true
    child.kill('SIGKILL')
  }, timeoutMs)
  let rest = ''
  child.stdout.setEncoding(encoding).on('data', (text) => {
    spokeAt = performance.now()
    result.stdout += text
    const lines = (rest + text).split('\n')
    rest = lines.pop()
    for (const line of lines) onLine?.(line, child)
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    spokeAt = performance.now()
    result.stderr += text
  })
  const [code, signal] = await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (...end) => resolve(end))
  })
  clearTimeout(timer)
  const end = performance.now()
  const stalls = endOfWatch().filter(({ until }) => start + until > spokeAt)
  const stalledMs = stalls.reduce((sum, { ms }) => sum + ms, 0)
  return { ...result, code, signal, ms: end - start, quietMs: end - spokeAt - stalledMs }
}

/** Node's test runner marks its children; a program under test must not take itself for one. Colours are the test's to ask for. */
function cleanEnv() {
  const env = { ...process.env }
  for (const name of ['NODE_TEST_CONTEXT', 'FORCE_COLOR', 'NO_COLOR']) delete env[name]
  return env
}
