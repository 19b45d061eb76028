/** Programs run in processes of their own, from the repository's root. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Runs Node. The process is killed when it takes too long, and the result then says so.
 *
 * @param args what `node` is given
 * @param options.env added to this process's environment
 * @param options.onLine told of each line of standard output, and given the child
 * @returns `code`, `signal`, `stdout`, `stderr`, `ms` (from start to end) and `timedOut`
 */
export async function runNode(args, { env = {}, cwd = root, timeoutMs = 30_000, onLine } = {}) {
  const start = performance.now()
  const child = spawn(process.execPath, args, {
    cwd,
    env: { ...cleanEnv(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const result = { stdout: '', stderr: '', timedOut: false }
  const timer = setTimeout(() => {
    result.timedOut = true
    child.kill('SIGKILL')
  }, timeoutMs)
  let rest = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    result.stdout += text
    const lines = (rest + text).split('\n')
    rest = lines.pop()
    for (const line of lines) onLine?.(line, child)
  })
  child.stderr.setEncoding('utf8').on('data', (text) => (result.stderr += text))
  const [code, signal] = await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (...end) => resolve(end))
  })
  clearTimeout(timer)
  return { ...result, code, signal, ms: performance.now() - start }
}

/** Node's test runner marks its children; a program under test must not take itself for one. Colours are the test's to ask for. */
function cleanEnv() {
  const env = { ...process.env }
  for (const name of ['NODE_TEST_CONTEXT', 'FORCE_COLOR', 'NO_COLOR']) delete env[name]
  return env
}
