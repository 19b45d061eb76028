/** Which mutants a run tries. */

/** A number that looks like chance and is always the same for the same text (FNV-1a, mixed). */
function hash(text) {
  let value = 0x811c9dc5
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193)
  value = Math.imul(value ^ (value >>> 16), 0x45d9f3b)
  return (value ^ (value >>> 16)) >>> 0
}

/**
 * Every `of`-th mutant, spread over all files: the `shard`-th of these parts, counted from 1. The parts have no mutant in common
 * and are all of them together.
 *
 * @param most no more than so many; which ones depends on the seed
 */
export function drawn(mutants, { shard = 1, of = 1, most = Infinity, seed = '' } = {}) {
  const shuffled = mutants
    .map((mutant) => ({ mutant, order: hash(`${seed} ${mutant.id} ${mutant.file} ${mutant.is}`) }))
    .sort((one, other) => one.order - other.order || one.mutant.id - other.mutant.id)
    .map(({ mutant }) => mutant)
  return shuffled.filter((_, index) => index % of === shard - 1).slice(0, most)
}
