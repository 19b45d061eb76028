/**
 * When a process was not given its turn: its timers were late though its event loop had nothing to do. A loop that is held up by what
 * it runs does not count, since that is the process's own doing.
 */

const EVERY_MS = 10
/** Timers are a little late on any machine. */
const USUAL_MS = 20

/** Begins to watch. The returned function ends that, and tells the length and the end of each stall, both in milliseconds. */
export function watchStalls() {
  const stalls = []
  const start = performance.now()
  let last = { at: start, active: performance.eventLoopUtilization().active }
  const look = () => {
    const { active } = performance.eventLoopUtilization()
    const at = performance.now()
    const idleMs = at - last.at - (active - last.active)
    const lateMs = idleMs - EVERY_MS
    if (lateMs > USUAL_MS) stalls.push({ ms: lateMs, until: at - start })
    last = { at, active }
  }
  // The process lives no longer because it is watched.
  const timer = setInterval(look, EVERY_MS).unref()
  return () => {
    clearInterval(timer)
    look()
    return stalls
  }
}
