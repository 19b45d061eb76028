/** The memory that a process grows to while it handles jobs. */

const MB = 1e6

/** @returns ends it; returns the jobs handled, the resident memory and that of JavaScript, in MB, at each moment and at the end */
export function watchMemory(everyMs, handled) {
  const samples = []
  const sample = () => {
    const { rss, heapTotal } = process.memoryUsage()
    samples.push([handled(), ...[rss, heapTotal].map((bytes) => Math.round((bytes / MB) * 10) / 10)])
  }
  const timer = setInterval(sample, everyMs)
  return () => {
    clearInterval(timer)
    sample()
    return samples
  }
}
