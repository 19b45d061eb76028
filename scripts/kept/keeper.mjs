/**
 * Runs one server and outlives its parent by a moment only. The parent holds the other end of this process's standard input. When that
 * closes, for whatever reason, the keeper kills the server and removes its data. So there is one way to stop, and every end takes it.
 *
 * Arguments: the directory to remove, the signal that kills, the server, its arguments. Prints the server's process id, on a line.
 */
import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'

/** A server that was asked to end by a gentler signal than SIGKILL may be frozen, and hear nothing. */
const PATIENCE_MS = 5_000

const [directory, deadly, command, ...args] = process.argv.slice(2)

// A Ctrl-C at the terminal is for the parent, which decides when the server is no longer needed.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {})

const server = spawn(command, args, { stdio: 'ignore' })
let wanted = true

server.once('spawn', () => console.log(server.pid))
server.once('error', () => process.exit(1))
server.once('exit', () => {
  // A server that died by itself leaves its log for the parent to read.
  if (wanted) process.exit(1)
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
  process.exit(0)
})

process.stdin.resume()
process.stdin.once('close', () => {
  wanted = false
  server.kill(deadly)
  setTimeout(() => server.kill('SIGKILL'), PATIENCE_MS)
})
