/**
 * When a process was not given its turn: its timers were late though its event loop had nothing to do. A loop that is held up by what
 * it runs does not count, since that is the process's own doing.
 */

const EVERY_MS = 10
/** Timers are a little late on any machine. */
const USUAL_MS = 20

/** Begins to watch. What it returns ends that, and tells of each stall how long it was and until when, both in milliseconds. */
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
