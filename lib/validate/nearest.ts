/** The share of changed letters beyond which a name is another name and not a typo. */
const TOLERANCE = 1 / 3

/** The known name that an unknown one was probably meant to be; null if none is close. */
export function nearest(unknown: string, known: readonly string[]): string | null {
  const wanted = unknown.toLowerCase()
  let best: string | null = null
  let bestDistance = Infinity
  for (const name of known) {
    const candidate = name.toLowerCase()
    const distance = isPartOf(wanted, candidate) ? 1 : editDistance(wanted, candidate)
    if (distance < bestDistance && distance <= Math.max(1, Math.floor(candidate.length * TOLERANCE))) {
      best = name
      bestDistance = distance
    }
  }
  return best
}

/** `timeout` for `timeoutMs`, `delayMs` for `delay`: names that differ by a part are the commonest mistake. */
function isPartOf(one: string, other: string): boolean {
  const [short, long] = one.length < other.length ? [one, other] : [other, one]
  return short.length >= 4 && long.includes(short)
}

/** The number of letters to insert, remove, replace or swap with the next one. */
function editDistance(from: string, to: string): number {
  // Names are short; a pathological one is not worth its quadratic cost.
  if (Math.abs(from.length - to.length) > to.length) return Infinity
  let beforePrevious: number[] = []
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i++) {
    const current = [i]
    for (let j = 1; j <= to.length; j++) {
      const isSame = from[i - 1] === to[j - 1]
      let cost = Math.min(at(previous, j) + 1, at(current, j - 1) + 1, at(previous, j - 1) + (isSame ? 0 : 1))
      const isSwap = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]
      if (isSwap) cost = Math.min(cost, at(beforePrevious, j - 2) + 1)
      current.push(cost)
    }
    beforePrevious = previous
    previous = current
  }
  return at(previous, to.length)
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity
}
