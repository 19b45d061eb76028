/** Rights of the sender of a request, as the app's `authorize` states them. Anything that is no right is an error, never a right. */
import type { Action } from '../../dashboard'
import { isRecord } from '../validate/rules'

export const ACTIONS: readonly Action[] = [
  'retry',
  'cancel',
  'promote',
  'remove',
  'reschedule',
  'pause',
  'resume',
  'trigger-schedule',
  'pause-schedule',
  'resume-schedule',
  'skip-occurrence',
  'unschedule',
]

/** Rights in a form that each route can ask. */
export interface Rights {
  readonly user: string | undefined
  readonly actions: ReadonlySet<Action>
  /** Null: all types. */
  readonly types: ReadonlySet<string> | null
}

/** The way on for a user who is denied; null for none. */
export interface Denial {
  readonly redirect: string | null
  readonly authenticate: string | null
}

export type Decision = { readonly rights: Rights } | Denial

const isStrings = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((entry) => typeof entry === 'string')

/** @throws Error if `access` is not an access */
export function decisionOf(access: unknown): Decision {
  if (!isRecord(access)) throw nonsense()
  const { status, user, types, actions, redirect, authenticate } = access as Partial<Record<string, unknown>>
  if (status === 'denied') {
    if (redirect !== undefined && !isAddress(redirect)) throw nonsense()
    if (authenticate !== undefined && !isChallenge(authenticate)) throw nonsense()
    return { redirect: redirect ?? null, authenticate: authenticate ?? null }
  }
  if (user !== undefined && typeof user !== 'string') throw nonsense()
  if (types !== undefined && !isStrings(types)) throw nonsense()
  const seen = types === undefined ? null : new Set(types)
  return { rights: { user, actions: actionsOf(status, actions), types: seen } }
}

function actionsOf(status: unknown, actions: unknown): ReadonlySet<Action> {
  if (status === 'full') return new Set(ACTIONS)
  if (status === 'read') return new Set()
  if (status !== 'some' || !isStrings(actions)) throw nonsense()
  if (!actions.every((action) => (ACTIONS as readonly string[]).includes(action))) throw nonsense()
  return new Set(actions as Action[])
}

/** A header takes no control characters; a browser takes any address that the app names. */
function isAddress(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value)
}

function isChallenge(value: unknown): value is string {
  return typeof value === 'string' && /^[\x20-\x7e]+$/.test(value)
}

const nonsense = () =>
  new TypeError(
    "authorize must return { status: 'full' | 'read' | 'some' | 'denied', … }: see durabl/dashboard",
  )

export const sees = ({ types }: Rights, type: string): boolean => types === null || types.has(type)

/** Types to ask for if a request names none; undefined: all. */
export const typesOf = ({ types }: Rights): readonly string[] | undefined =>
  types === null ? undefined : [...types]
