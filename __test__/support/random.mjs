/** Random numbers that one seed tells. */

/** A small generator of random numbers (mulberry32): equal seeds, equal numbers. */
export function numbers(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Draws of several kinds from such a generator. */
export function drawing(seed) {
  const random = numbers(seed)
  return {
    random,
    /** One of these, each as likely as the others. */
    one: (choices) => choices[Math.floor(random() * choices.length)],
    /** A whole number of `least` to `most`. */
    between: (least, most) => least + Math.floor(random() * (most - least + 1)),
    /** True in this share of cases. */
    chance: (share) => random() < share,
  }
}
