/** The jobs that a verb is about, from its options. */
import { parsed } from '../../dashboard/ejson'
import { UsageError, textIn } from './arguments'
import type { Values } from './arguments'

export const FILTER = {
  type: { type: 'string' },
  status: { type: 'string' },
  key: { type: 'string' },
  where: { type: 'string', multiple: true },
} as const

const STATUSES = ['pending', 'active', 'completed', 'failed', 'superseded']

export interface Filter {
  readonly status?: string
  readonly type?: string
  readonly dedupeKey?: string
  readonly where?: Readonly<Record<string, unknown>>
}

export function filterOf(values: Values): Filter {
  const status = textIn(values, 'status')
  if (status !== undefined && !STATUSES.includes(status)) {
    throw new UsageError(`--status must be one of ${STATUSES.join(', ')}; got ${JSON.stringify(status)}`)
  }
  const { where: conditions } = values
  const type = textIn(values, 'type')
  const dedupeKey = textIn(values, 'key')
  return {
    ...(status !== undefined && { status }),
    ...(type !== undefined && { type }),
    ...(dedupeKey !== undefined && { dedupeKey }),
    ...(Array.isArray(conditions) && {
      where: Object.fromEntries((conditions as string[]).map(conditionOf)),
    }),
  }
}

/** `data.userId=u1`. A value that reads as JSON is meant so; anything else is a string. */
function conditionOf(text: string): [string, unknown] {
  const [, path, value] = /^(data\.[^=]+)=(.*)$/s.exec(text) ?? []
  if (path === undefined || value === undefined) {
    throw new UsageError(`--where must be data.PATH=VALUE; got ${JSON.stringify(text)}`)
  }
  return [path, valueOf(value)]
}

function valueOf(text: string): unknown {
  try {
    JSON.parse(text)
  } catch {
    return text
  }
  return parsed(text)
}
