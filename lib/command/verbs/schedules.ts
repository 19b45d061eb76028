/** Schedules: seen, previewed and steered. */
import { callOf } from '../../dashboard/calls'
import { list } from '../../dashboard/rows'
import { previewSchedule } from '../../schedule/spec'
import type { ScheduleSpec } from '../../types'
import { iso, length } from '../tools/output'
import { NEGATIVE, UsageError, atMost, wholeIn } from '../tools/arguments'
import type { Context, Verb } from '../tools/verb'

const CALLS: Readonly<Record<string, string>> = {
  run: 'triggerSchedule',
  pause: 'pauseSchedule',
  resume: 'resumeSchedule',
  remove: 'unschedule',
}

/** Words for people, if the status alone says too little. */
const WORDS: Readonly<Record<string, string>> = {
  duplicate: 'duplicate: a job of it is outstanding',
  'not-found': 'there is no such schedule',
}

export const schedules: Verb = {
  name: 'schedules',
  usage: 'schedules [list|preview|run|pause|resume|remove] [ID]',
  summary: 'schedules and their next occurrences',
  options: { count: { type: 'string' } },
  check: (values, positionals) => {
    const [what = 'list', id] = positionals
    atMost(what === 'list' ? 1 : 2, positionals)
    wholeIn(values, 'count', 5, 1000)
    if (what !== 'list' && what !== 'preview' && !Object.hasOwn(CALLS, what)) {
      throw new UsageError(
        `schedules: there is no ${JSON.stringify(what)}; there are list, preview, run, pause, resume, remove`,
      )
    }
    if (what !== 'list' && !id) throw new UsageError(`schedules ${what}: the id of a schedule is missing`)
  },
  async run(context) {
    const { positionals, queue, output } = context
    const [what = 'list', id = ''] = positionals
    if (what === 'list') return all(context)
    if (what === 'preview') return preview(context, id)
    const result = (await callOf(queue, CALLS[what] as string)(id)) as { status: string }
    output.data(result, () => output.line(WORDS[result.status] ?? result.status))
    return ['not-found', 'duplicate'].includes(result.status) ? NEGATIVE : 0
  },
}

async function all({ queue, output }: Context): Promise<number> {
  const found = list(await callOf(queue, 'listSchedules')())
  output.data(found, () => {
    const rows = found.map(({ id, job, status, spec, nextAt, lastAt }) => {
      const { cron, everyMs, timezone } = spec as ScheduleSpec
      const times =
        cron === undefined
          ? `every ${length(Number(everyMs)).replace('.0 ', ' ')}`
          : `${cron} ${timezone ?? 'UTC'}`
      const { type } = job as { type: string }
      return [String(id), type, String(status), times, iso(lastAt as Date), iso(nextAt as Date)]
    })
    if (rows.length > 0) output.table(['ID', 'TYPE', 'STATE', 'TIMES', 'LAST', 'NEXT'], rows)
  })
  if (found.length === 0) output.say('there are no schedules')
  return found.length === 0 ? NEGATIVE : 0
}

async function preview({ queue, values, output }: Context, id: string): Promise<number> {
  const found = list(await callOf(queue, 'listSchedules')()).find((schedule) => schedule.id === id)
  if (found === undefined) {
    output.say('there is no such schedule')
    return NEGATIVE
  }
  const next = previewSchedule(found.spec as ScheduleSpec, {
    count: Math.max(1, wholeIn(values, 'count', 5, 1000)),
  })
  output.data(next, () => next.forEach((at) => output.line(iso(at))))
  return 0
}
