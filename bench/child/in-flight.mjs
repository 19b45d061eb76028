/** Calls that overlap, up to a bound. */

/** Calls `body` with 0, 1, 2, … `count` times, `width` at once. */
export async function inFlight(count, width, body) {
  let next = 0
  const lane = async () => {
    while (next < count) await body(next++)
  }
  await Promise.all(Array.from({ length: Math.min(width, count) }, lane))
}

/** Arrays of the data of `count` empty jobs, none longer than `size`. */
export function* batches(count, size) {
  for (let start = 0; start < count; start += size) {
    yield Array.from({ length: Math.min(size, count - start) }, (_, n) => ({ n: start + n }))
  }
}
