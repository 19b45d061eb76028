/** Whether a process has really stopped: the signal takes a moment to arrive. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { pollUntil } from '../../../support/wait.mjs'

const PATIENCE_MS = 2000

const run = promisify(execFile)

async function isStopped(pid) {
  const { stdout } = await run('ps', ['-o', 'state=', '-p', pid]).catch(() => ({ stdout: '' }))
  return stdout.startsWith('T')
}

/** 1 as soon as it has, 0 if it never does. */
export function stopped(pid) {
  const waited = pollUntil('it has stopped', () => isStopped(pid), { patienceMs: PATIENCE_MS })
  return waited.then(
    () => 1,
    () => 0,
  )
}
