/** The few figures that are made of measured ones. */

const ascending = (values) => [...values].sort((a, b) => a - b)

/**
 * The value that this share of the values does not exceed, between two of them by linear interpolation.
 *
 * @param share between 0 and 1
 */
export function quantile(values, share) {
  if (values.length === 0) throw new RangeError('there is no quantile of nothing')
  const sorted = ascending(values)
  const place = share * (sorted.length - 1)
  const below = Math.floor(place)
  const above = Math.min(below + 1, sorted.length - 1)
  return sorted[below] + (place - below) * (sorted[above] - sorted[below])
}

export const median = (values) => quantile(values, 0.5)

/** Median, least and greatest. */
export function spread(values) {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) }
}

/**
 * The ratios of two series, pair by pair: the speed of the machine varies, and both of a pair met the same conditions.
 *
 * @param ofs one value per round
 * @param tos one value per round; rounds that only one series has are left out
 */
export function ratios(ofs, tos) {
  const rounds = Math.min(ofs.length, tos.length)
  return Array.from({ length: rounds }, (_, round) => ofs[round] / tos[round])
}

/** Compares two series by their ratios. */
export const ratio = (ofs, tos) => spread(ratios(ofs, tos))
