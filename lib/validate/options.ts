import { argumentError } from '../base/errors'
import { hintFor } from './elsewhere'
import { check, isRecord } from './rules'
import type { Rule } from './rules'
import { quote, show } from './show'

/** A set of options, by name. */
export type Rules = Readonly<Record<string, Rule<any>>>

/** The values of options that fit their rules: checked, and each read once. An absent one is `undefined`. */
export type Read<R extends Rules> = { readonly [K in keyof R]?: R[K] extends Rule<infer T> ? T : never }

const NONE: Readonly<Record<string, never>> = Object.freeze({})

/**
 * Checks the options of a call. All of them may be absent: `undefined`, or `null` for the whole set, as for an argument that was skipped. A
 * single option of `null` is refused, as it may well come from a look-up that found nothing.
 *
 * @param where the call, such as `enqueue`
 */
export function readOptions<R extends Rules>(where: string, options: unknown, rules: R): Read<R> {
  if (options === undefined || options === null) return NONE
  if (!isRecord(options)) {
    throw argumentError(TypeError, `${where}: options must be an object; got ${show(options)}`)
  }
  const read: Record<string, unknown> = {}
  for (const name of Object.keys(options)) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined
    if (rule === undefined) throw unknownName(where, 'option', name, Object.keys(rules))
    const value = options[name]
    if (value === null) throw nullOption(where, name, rule)
    if (value !== undefined) read[name] = check(where, `option "${name}"`, value, rule)
  }
  return read as Read<R>
}

/** A name that is none of the known ones. */
export function unknownName(where: string, what: string, name: string, known: readonly string[]): TypeError {
  const hint = hintFor(name, known) ?? `known are ${known.join(', ')}`
  return argumentError(TypeError, `${where}: unknown ${what} ${quote(name)}; ${hint}`)
}

function nullOption(where: string, name: string, rule: Rule<unknown>): TypeError {
  return argumentError(
    TypeError,
    `${where}: option "${name}" must be ${rule.allowed}; got null (leave it out, or pass undefined, for the default)`,
  )
}
