/** The indexes of a queue, made or looked at. */
import { NEGATIVE, atMost } from '../tools/arguments'
import type { Verb } from '../tools/verb'
import { commandOf, compared } from '../tools/indexes'

export const startup: Verb = {
  name: 'startup',
  usage: 'startup [--dry-run]',
  summary: 'creates the indexes that the queue needs',
  details: '--dry-run shows what is missing, and the commands that create it; the exit code is then 1.',
  options: { 'dry-run': { type: 'boolean' } },
  check: (_values, positionals) => atMost(0, positionals),
  async run({ values, queue, collection, output }) {
    const before = await compared(collection)
    if (values['dry-run'] === true) {
      output.data(before, () => {
        for (const index of before.missing) output.line(commandOf(collection.collectionName, index))
        for (const { name } of before.changed)
          output.line(`// ${name} has another definition: see durabl doctor`)
      })
      const isWhole = before.missing.length === 0 && before.changed.length === 0
      if (isWhole) output.say('nothing is missing')
      return isWhole ? 0 : NEGATIVE
    }
    await queue.startup()
    const made = before.missing.map(({ name }) => name)
    output.data({ made }, () =>
      output.line(made.length === 0 ? 'nothing was missing' : `made ${made.join(', ')}`),
    )
    return 0
  },
}
