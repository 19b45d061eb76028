/**
 * Time and processor time. Node's `hrtime` is the system's monotonic clock (CLOCK_MONOTONIC on Linux), which all processes of a machine
 * share. So the reading of one process can be subtracted from that of another.
 */
import { readFileSync, readdirSync } from 'node:fs'

/** Milliseconds of the monotonic clock. */
export const now = () => Number(process.hrtime.bigint()) / 1e6

/** The processor time of this process in milliseconds, all threads included, those of native code too. */
export function ownCpu() {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** Linux counts the time of processes in hundredths of a second. */
const TICK_MS = 10

/** The fields of a process's line in `/proc`, from the third on: the second, its name, may hold anything. */
function statOf(pid) {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return line.slice(line.lastIndexOf(')') + 2).split(' ')
  } catch {
    return null
  }
}

const PARENT = 1
const USER = 11
const SYSTEM = 12
const CHILDREN = [13, 14]

const sum = (fields, places) => places.reduce((total, place) => total + Number(fields[place]), 0)

/** The processor time of a server and of the processes that it started, in milliseconds; null where it can't be had. */
export function serverCpu(pid) {
  const own = statOf(pid)
  if (!own) return null
  let ticks = sum(own, [USER, SYSTEM, ...CHILDREN])
  for (const name of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const fields = statOf(name)
    if (fields && Number(fields[PARENT]) === pid) ticks += sum(fields, [USER, SYSTEM])
  }
  return ticks * TICK_MS
}

/** The difference between two readings: seconds, and milliseconds of processor time. */
export function meter(serverPid) {
  const start = now()
  const [own, server] = [ownCpu(), serverCpu(serverPid)]
  return () => {
    const serverNow = serverCpu(serverPid)
    return {
      seconds: (now() - start) / 1000,
      cpuMs: ownCpu() - own,
      serverCpuMs: serverNow === null || server === null ? null : serverNow - server,
    }
  }
}
