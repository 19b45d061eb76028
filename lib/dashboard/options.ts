/** Options of `createDashboard`. */
import type { DashboardOptions } from '../../dashboard'
import { argumentError } from '../base/errors'
import { readOptions } from '../validate/options'
import { TEXT, check, functionOf, isRecord, objectWith } from '../validate/rules'
import type { Rule } from '../validate/rules'
import { quote } from '../validate/show'

const WHERE = 'createDashboard'

export interface Settings {
  readonly queues: readonly (readonly [string, object])[]
  readonly authorize: DashboardOptions['authorize']
  readonly present: DashboardOptions['present']
  readonly onAction: DashboardOptions['onAction']
  readonly basePath: string | null
  readonly title: string
  readonly badge: string | null
}

/** A single queue's name. */
const ALONE = 'default'

const QUEUE = objectWith<object>('a JobQueue', 'enqueue', 'getStats')

const PATH: Rule<string> = {
  allowed: 'a path that begins with a slash, such as "/admin/jobs"',
  read: (value) => {
    if (typeof value !== 'string') return { wrong: 'type' }
    return /^\/[^?#\s\\]*$/.test(value) ? { value: value.replace(/\/+$/, '') } : { wrong: 'range' }
  },
}

const RULES = {
  queue: {
    allowed: 'a JobQueue, or an object with a JobQueue for each name',
    read: (value) => (isRecord(value) ? { value } : { wrong: 'type' }),
  } as Rule<Record<string, unknown>>,
  authorize: functionOf<DashboardOptions['authorize']>('(request) => access'),
  present: functionOf<NonNullable<DashboardOptions['present']>>('(job) => value'),
  onAction: functionOf<NonNullable<DashboardOptions['onAction']>>('(event) => …'),
  basePath: PATH,
  title: TEXT,
  badge: TEXT,
} satisfies Record<keyof DashboardOptions, Rule<unknown>>

export function normalizeOptions(options: DashboardOptions): Settings {
  const { queue, authorize, present, onAction, basePath, title, badge } = readOptions(WHERE, options, RULES)
  return {
    queues: queuesOf(check(WHERE, 'option "queue"', queue, RULES.queue)),
    authorize: check(WHERE, 'option "authorize"', authorize, RULES.authorize),
    ...{ present, onAction },
    basePath: basePath ?? null,
    title: title ?? 'durabl',
    badge: badge ?? null,
  }
}

function queuesOf(given: Record<string, unknown>): Settings['queues'] {
  if ('value' in QUEUE.read(given)) return [[ALONE, given]]
  const named = Object.entries(given)
  if (named.length === 0) throw argumentError(RangeError, `${WHERE}: option "queue" has no queue`)
  return named.map(([name, queue]) => [name, check(WHERE, `option "queue", ${quote(name)},`, queue, QUEUE)])
}
