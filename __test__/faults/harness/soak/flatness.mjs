/**
 * Whether the resources of a process stay flat. The time after the warm-up is halved. A leak is higher in the second half than in the first,
 * however slow it is, if there is enough time. Memory and tasks come and go, so their medians are compared; of other counts, the maxima.
 */

/** Of all the time: connections open, pools fill, code is compiled, and allocators find their size. */
const WARM_UP = 0.3
/** By how much an allocator's memory may move without meaning anything: measured, two halves of runs without a leak differ by a few. */
const NOISE_BYTES = 12 * 1024 * 1024
/** A long run says more: a leak worth the name loses at least so much with each job. */
const BYTES_PER_JOB = 8
/** Sockets come and go with faults: as many as one pool may open at once beyond what it has. */
const NOISE = { files: 4, sockets: 4, threads: 1, handles: 4 }
/** Each call that is under way is a task, and so is each batch of verdicts. */
const NOISE_TASKS = 20

const median = (values) => [...values].sort((one, other) => one - other)[values.length >> 1]
const ended = ({ completed, failed, superseded }) => completed + failed + superseded

/**
 * @param samples of the process, in order
 * @returns for each measure: the `first` half's value and the `second` one's, the most that it may be, and whether it `isFlat`
 */
export function flatness(samples) {
  const warm = samples.slice(Math.ceil(samples.length * WARM_UP))
  const halves = [warm.slice(0, warm.length >> 1), warm.slice(warm.length >> 1)]
  const [first, second] = halves
  const middle = (half) => ended(half[half.length >> 1])
  const jobs = middle(second) - middle(first)
  const measures = {}
  const noiseBytes = Math.min(NOISE_BYTES, Math.max(NOISE_BYTES / 4, jobs * BYTES_PER_JOB))
  const noise = { rss: noiseBytes, heap: noiseBytes, tasks: NOISE_TASKS, ...NOISE }
  for (const name of Object.keys(noise)) {
    const [before, after] = halves.map((half) => {
      const values = half.map((sample) => sample[name])
      return name in NOISE ? Math.max(...values) : median(values)
    })
    const allowed = before + noise[name]
    measures[name] = { first: before, second: after, allowed, isFlat: after <= allowed }
  }
  return { jobs, measures }
}
