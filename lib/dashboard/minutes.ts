/** Numbers per minute and histograms, as the workers keep them in the side collection. */

const MINUTE_MS = 60_000

/** The 95th of a hundred, from counts by bucket; null without any. `bounds` are the upper ends in milliseconds. */
export function p95(counts: readonly number[], bounds: readonly number[]): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0)
  if (total === 0) return null
  let below = 0
  for (const [bucket, count] of counts.entries()) {
    below += count
    if (below >= 0.95 * total) return bounds[Math.min(bucket, bounds.length - 1)] ?? null
  }
  return null
}

/** Sums of neighbours, so that a day fits into a chart. */
export function summed(values: readonly number[], size: number): number[] {
  const sums = Array.from({ length: Math.ceil(values.length / size) }, () => 0)
  for (const [index, value] of values.entries()) sums[Math.floor(index / size)]! += value
  return sums
}

/** The beginning of the minute of a moment. */
export const minuteOf = (ms: number): number => Math.floor(ms / MINUTE_MS) * MINUTE_MS
