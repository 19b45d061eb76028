/** Clocks for workers that are wrong, in a way that neither Node nor the engine can tell. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SOURCE = fileURLToPath(new URL('wrong-clock.c', import.meta.url))

/** Whether a process can be put under a wrong clock here. */
export const canBeWrong = process.platform === 'linux'

/** Compiles what makes clocks wrong. `remove()` it when all workers are gone. */
export function clockmaker() {
  const directory = mkdtempSync(join(tmpdir(), 'durabl-clock-'))
  const library = join(directory, 'wrong-clock.so')
  execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, SOURCE], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  let clocks = 0
  return {
    /** A clock that is off by so many seconds: the environment that puts a worker under it, and how to set it. */
    clock(secondsOff) {
      clocks += 1
      const file = join(directory, `clock-${clocks}`)
      const set = (seconds) => {
        const bytes = Buffer.alloc(8)
        bytes.writeBigInt64LE(BigInt(seconds))
        writeFileSync(file, bytes, { flag: 'r+' })
      }
      writeFileSync(file, Buffer.alloc(8))
      set(secondsOff)
      return { set, env: { LD_PRELOAD: library, WRONG_CLOCK_FILE: file } }
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}
