/** Faults, drawn from a seed as plain data. */

/** One of those that are there when it comes to that. */
export const pick = (choices, share) => choices[Math.floor(share * choices.length)]

export const share = ({ random }) => ({ share: random() })

/** So many milliseconds, on one of those that are there. */
export const lasting = (least, most) => (draw) => ({ share: draw.random(), ms: draw.between(least, most) })
