/** The verbs that pause a type and resume it. */
import { callOf } from '../../dashboard/calls'
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
  options: { reason: { type: 'string' } },
  check,
  run: (context) => {
    const reason = textIn(context.values, 'reason')
    return answered(
      context,
      callOf(context.queue, 'pause')(context.positionals[0], { ...(reason && { reason }) }),
    )
  },
}

export const resume: Verb = {
  name: 'resume',
  usage: 'resume TYPE',
  summary: 'workers start jobs of a type again',
  check,
  run: (context) => answered(context, callOf(context.queue, 'resume')(context.positionals[0])),
}
