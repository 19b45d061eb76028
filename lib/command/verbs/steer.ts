/** Acting on jobs: by their ids, or on all that match a filter. */
import { createInterface } from 'node:readline/promises'
import { callOf } from '../../dashboard/calls'
import { FILTER, filterOf } from '../tools/filter'
import { NEGATIVE, UsageError, momentOf, one, textIn, wholeIn } from '../tools/arguments'
import type { Values } from '../tools/arguments'
import type { Context, Verb } from '../tools/verb'

type Name = 'retry' | 'cancel' | 'promote' | 'remove'

interface Result {
  readonly status: string
  readonly id?: string
  readonly jobStatus?: string
  readonly terminalStatus?: string
}

interface Many {
  readonly status: 'done' | 'more'
  readonly matched: number
  readonly changed: number
  readonly skipped: number
  readonly next: string | null
}

const GOOD = ['retried', 'cancelled', 'requested', 'promoted', 'removed']

function verb(name: Name, summary: string): Verb {
  return {
    name,
    usage: `${name} ID… | ${name} --status S [--type T] [--where …] [--yes]`,
    summary,
    details: `By ids, or by a filter, which needs --status. A filter asks first, unless --yes is given; --dry-run only counts.
--limit, without one by default, bounds how many jobs a filter changes.`,
    options: {
      ...FILTER,
      yes: { type: 'boolean', short: 'y' },
      'dry-run': { type: 'boolean' },
      limit: { type: 'string' },
    },
    check: checkTarget,
    run: (context) => (context.positionals.length > 0 ? byIds(context, name) : byFilter(context, name)),
  }
}

function checkTarget(values: Values, positionals: readonly string[]): void {
  const filter = filterOf(values)
  wholeIn(values, 'limit', 0)
  const hasFilter = Object.keys(filter).length > 0
  if (positionals.length > 0 && hasFilter) throw new UsageError('Give either ids or a filter, not both')
  if (positionals.length === 0 && filter.status === undefined) {
    throw new UsageError('Give ids of jobs, or a filter with --status')
  }
}

/** Options of `reschedule`, from the words; null if there are none. */
function changesIn(values: Values): { delay?: number; runAt?: Date; priority?: number } | null {
  const runAt = textIn(values, 'run-at')
  const priority = textIn(values, 'priority')
  const changes = {
    ...(runAt !== undefined && { runAt: momentOf('--run-at', runAt) }),
    ...(textIn(values, 'delay') !== undefined && { delay: wholeIn(values, 'delay', 0) }),
    ...(priority !== undefined && { priority: Number(priority) }),
  }
  if (Number.isNaN(changes.priority)) throw new UsageError('--priority must be a number')
  return Object.keys(changes).length === 0 ? null : changes
}

export const reschedule: Verb = {
  name: 'reschedule',
  usage: 'reschedule ID [--run-at MOMENT | --delay MS] [--priority N]',
  summary: 'a pending job gets another time or priority',
  details:
    '--run-at is a moment as 2030-01-01T06:00:00Z, --delay counts in milliseconds from now; lower priorities run first.',
  options: { 'run-at': { type: 'string' }, delay: { type: 'string' }, priority: { type: 'string' } },
  check: (values, positionals) => {
    one('The id of a job', positionals)
    if (changesIn(values) === null) throw new UsageError('Give --run-at, --delay or --priority')
  },
  async run({ queue, positionals: [id], values, output }) {
    const result = (await callOf(queue, 'reschedule')(id, changesIn(values))) as Result
    output.data({ ...result, id }, () =>
      output.line(`${id} ${result.status} ${result.jobStatus ?? ''}`.trim()),
    )
    return result.status === 'rescheduled' ? 0 : NEGATIVE
  },
}

async function byIds({ queue, positionals, values, output }: Context, name: Name): Promise<number> {
  let isGood = true
  for (const id of new Set(positionals)) {
    if (values['dry-run'] === true) {
      const job = (await callOf(queue, 'getJob')(id)) as { status: string } | null
      output.data({ id, status: job?.status ?? 'not-found' }, () =>
        output.line(`${id} ${job?.status ?? 'not-found'}`),
      )
      continue
    }
    const result = (await callOf(queue, name)(id)) as Result
    isGood &&= GOOD.includes(result.status)
    const more =
      result.jobStatus ?? result.terminalStatus ?? (result.status === 'key-held' ? `by ${result.id}` : '')
    output.data({ ...result, ...(result.status === 'key-held' && { holder: result.id }), id }, () =>
      output.line(`${id} ${result.status}${more && ` ${more}`}`),
    )
  }
  return isGood ? 0 : NEGATIVE
}

const STEP = 1000
/** Counting goes no further: above, the question names no number. */
const MOST_COUNTED = 100_000

async function through(
  { queue, signal }: Context,
  name: Name,
  filter: object,
  { mode, most }: { mode: 'run' | 'preview'; most: number },
): Promise<Omit<Many, 'next'>> {
  const sum = { matched: 0, changed: 0, skipped: 0 }
  let after: string | null = null
  do {
    const count = mode === 'run' ? sum.changed : sum.matched
    const limit = Math.min(STEP, most - count)
    const many = (await callOf(queue, `${name}Many`)(filter, {
      mode,
      limit,
      ...(after && { after }),
    })) as Many
    sum.matched += many.matched
    sum.changed += many.changed
    sum.skipped += many.skipped
    after = many.status === 'more' ? many.next : null
  } while (after !== null && (mode === 'run' ? sum.changed : sum.matched) < most && !signal.aborted)
  return { status: after === null ? 'done' : 'more', ...sum }
}

async function byFilter(context: Context, name: Name): Promise<number> {
  const { values, output } = context
  const filter = filterOf(values)
  const limit = wholeIn(values, 'limit', 0)
  const most = limit === 0 ? Number.MAX_SAFE_INTEGER : limit
  const isDry = values['dry-run'] === true
  if (isDry || values.yes !== true) {
    const found = await through(context, name, filter, {
      mode: 'preview',
      most: Math.min(most, MOST_COUNTED),
    })
    const number =
      found.status === 'more' && found.matched >= MOST_COUNTED
        ? `more than ${found.matched}`
        : String(found.matched)
    if (isDry) {
      output.data(found, () => output.line(`${number} jobs match`))
      return found.matched === 0 ? NEGATIVE : 0
    }
    if (found.matched === 0) {
      output.data({ ...found, status: 'done' }, () => output.line('no job matches'))
      return NEGATIVE
    }
    if (!(await isAgreed(`${name} ${number} jobs?`))) {
      output.say('nothing was changed')
      return NEGATIVE
    }
  }
  const done = await through(context, name, filter, { mode: 'run', most })
  output.data(done, () => output.line(`${done.changed} changed, ${done.skipped} left as they were`))
  return done.changed === 0 ? NEGATIVE : 0
}

/** Without a terminal to ask on, nothing is changed. */
async function isAgreed(question: string): Promise<boolean> {
  if (process.stdin.isTTY !== true)
    throw new UsageError(`${question} There is no terminal to ask on: give --yes`)
  const asked = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await asked.question(`${question} [y/N] `)).trim())
  } finally {
    asked.close()
  }
}

export const retry = verb('retry', 'ended jobs run again')
export const cancel = verb('cancel', 'pending jobs end, running ones are asked to stop')
export const promote = verb('promote', 'pending jobs become due')
export const remove = verb('remove', 'jobs that are not running are deleted')
