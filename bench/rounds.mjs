/**
 * Rounds: each contestant once, then each once more, so that whatever happens to the machine happens to all of them.
 * Comparisons stay within a round.
 */
import { dim, red, say } from '../scripts/terminal.mjs'

/** The data to keep of a contestant, without its functions. */
const kept = (contestant) =>
  Object.fromEntries(Object.entries(contestant).filter(([, value]) => typeof value !== 'function'))

/**
 * @param contestants each with an `id`, a `title` for people, `run()`, which resolves to what one round measured, and
 * `tell(measured)`, which puts it in words
 * @returns each contestant's `rounds`, or the `error` that ended its part in them
 */
export async function inRounds(contestants, runs) {
  const results = contestants.map((contestant) => ({ ...kept(contestant), rounds: [] }))
  for (let round = 1; round <= runs; round += 1) {
    say(`round ${round} of ${runs}`)
    for (const [index, { run, tell, title }] of contestants.entries()) {
      const result = results[index]
      if (result.error) continue
      try {
        const measured = await run()
        result.rounds.push(measured)
        console.log(`  ${title.padEnd(44)} ${dim(tell(measured))}`)
      } catch (error) {
        result.error = error.message.split('\n').slice(0, 3).join(' ')
        console.log(`  ${title.padEnd(44)} ${red('failed')}\n${error.stack}`)
      }
    }
  }
  return results
}
