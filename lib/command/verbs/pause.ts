/** The verbs that pause a type and resume it. */
import { callOf } from '../../dashboard/calls'
import { list } from '../../dashboard/rows'
import { one, textIn } from '../tools/arguments'
import type { Context, Verb } from '../tools/verb'

const check = (_values: unknown, positionals: readonly string[]) => void one('A type', positionals)

async function answered({ output }: Context, asked: Promise<unknown>): Promise<number> {
  const result = (await asked) as { status: string }
  output.data(result, () => output.line(result.status))
  return 0
}

export const pause: Verb = {
  name: 'pause',
  usage: 'pause TYPE [--reason TEXT]',
  summary: 'workers start no more jobs of a type',
  details: `Jobs that run go on. Workers of all processes follow within 5 seconds, and the pause lasts until \`durabl resume\`.
--reason is shown on the dashboard.`,
  options: { reason: { type: 'string' } },
  check,
  async run(context) {
    const reason = textIn(context.values, 'reason')
    const type = context.positionals[0] as string
    const code = await answered(context, callOf(context.queue, 'pause')(type, { ...(reason && { reason }) }))
    if (!(await isKnown(context, type))) {
      context.output.say(
        `warning: no worker has a processor for ${JSON.stringify(type)}, and no job has this type`,
      )
    }
    return code
  },
}

async function isKnown({ queue, collection }: Context, type: string): Promise<boolean> {
  if ((await collection.findOne({ type }, { projection: { _id: 1 }, maxTimeMS: 5000 })) !== null) return true
  const workers = list(await callOf(queue, 'listWorkers')())
  return workers.some(({ types }) => list(types).some((served) => served.type === type))
}

export const resume: Verb = {
  name: 'resume',
  usage: 'resume TYPE',
  summary: 'workers start jobs of a type again',
  details: 'Workers of all processes follow within 5 seconds.',
  check,
  run: (context) => answered(context, callOf(context.queue, 'resume')(context.positionals[0])),
}
