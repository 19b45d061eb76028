import { types } from 'node:util'
import { argumentError } from '../base/errors'
import { show } from './show'

/** The values that an argument may have. Rules are values, so that a set of options is checked against a table. */
export interface Rule<T> {
  /** The allowed values, to follow "must be". */
  readonly allowed: string
  /** The value to use, or its fault: its kind (a `TypeError`), or only its size (a `RangeError`). */
  readonly read: (value: unknown) => Reading<T>
}

export type Reading<T> = { readonly value: T } | Misfit

/** `within`: the place in the value, to follow it, and the part there, if it is not the value itself. */
interface Misfit {
  readonly wrong: 'type' | 'range'
  readonly within?: { readonly place: string; readonly value: unknown }
}

const WRONG_TYPE: Misfit = { wrong: 'type' }
const OUT_OF_RANGE: Misfit = { wrong: 'range' }

/**
 * Checks one argument.
 *
 * @param where the call, such as `enqueue`
 * @param what the argument, such as `option "delay"`
 */
export function check<T>(where: string, what: string, value: unknown, rule: Rule<T>): T {
  const reading = rule.read(value)
  if ('value' in reading) return reading.value
  const errorClass = reading.wrong === 'type' ? TypeError : RangeError
  const { within } = reading
  const got = within === undefined ? show(value) : `${show(within.value)} at ${within.place}`
  throw argumentError(errorClass, `${where}: ${what} must be ${rule.allowed}; got ${got}`)
}

/** As {@link check}, but `undefined` stands for the default. */
export function checkOr<T, D>(
  where: string,
  what: string,
  value: unknown,
  rule: Rule<T>,
  fallback: D,
): T | D {
  return value === undefined ? fallback : check(where, what, value, rule)
}

/** A whole number within bounds. `-0` becomes 0. */
export function wholeNumber(least: number, most: number, unit = ''): Rule<number> {
  return {
    allowed: `a whole number ${bounds(least, most, unit)}`,
    read: (value) => {
      if (typeof value !== 'number') return WRONG_TYPE
      return Number.isInteger(value) && value >= least && value <= most ? { value: value + 0 } : OUT_OF_RANGE
    },
  }
}

/** The longest delay: a hundred years. Far below what a date can hold, far above any mistake in units. */
const LONGEST_MS = 3_155_760_000_000

/**
 * A length of time in milliseconds. Fractions are taken, as they come out of calculations with random numbers, and
 * rounded up, so that nothing happens too early.
 */
export function duration(least: number): Rule<number> {
  return {
    allowed: `a number ${bounds(least, LONGEST_MS, 'milliseconds')}`,
    read: (value) => {
      if (typeof value !== 'number') return WRONG_TYPE
      return value >= least && value <= LONGEST_MS ? { value: Math.ceil(value) + 0 } : OUT_OF_RANGE
    },
  }
}

function bounds(least: number, most: number, unit: string): string {
  return `from ${least} to ${most}${unit === '' ? '' : ` ${unit}`}`
}

/** Names are short; a long one is a payload in the wrong place. */
const LONGEST_NAME = 4096

/** Half of a pair encodes to the replacement character, so that two different names would become one in the database. */
const LONE_SURROGATE = /\p{Surrogate}/u

/** A non-empty string that the database keeps exactly: job types and dedupe keys. */
export const NAME: Rule<string> = {
  allowed: `a non-empty string of at most ${LONGEST_NAME} characters, without null characters and unpaired surrogates`,
  read: (value) => {
    if (typeof value !== 'string') return WRONG_TYPE
    if (value === '') return WRONG_TYPE
    return value.length > LONGEST_NAME || value.includes('\0') || LONE_SURROGATE.test(value)
      ? OUT_OF_RANGE
      : { value }
  },
}

/** Any string. */
export const TEXT: Rule<string> = {
  allowed: 'a string',
  read: (value) => (typeof value === 'string' ? { value } : WRONG_TYPE),
}

/** A moment. */
export const DATE: Rule<Date> = {
  allowed: 'a valid Date',
  read: (value) => {
    if (!types.isDate(value)) return WRONG_TYPE
    return Number.isNaN(value.getTime()) ? OUT_OF_RANGE : { value: new Date(value.getTime()) }
  },
}

/** The last moment that every tool for dates can write. */
const LAST_YEAR = 9999

/** A moment in the past, or as far ahead as an app can plan. */
export const MOMENT: Rule<Date> = {
  allowed: `${DATE.allowed}, no later than the year ${LAST_YEAR}`,
  read: (value) => {
    const reading = DATE.read(value)
    return 'value' in reading && reading.value.getUTCFullYear() > LAST_YEAR ? OUT_OF_RANGE : reading
  },
}

export const BOOLEAN: Rule<boolean> = {
  allowed: 'true or false',
  read: (value) => (typeof value === 'boolean' ? { value } : WRONG_TYPE),
}

/** A function that does its work when it is called. A generator function would not run a line of it, and a class can't be called. */
export function functionOf<F>(signature: string): Rule<F> {
  return {
    allowed: `a function ${signature}, and no generator function or class`,
    read: (value) =>
      typeof value === 'function' && runsWhenCalled(value) ? { value: value as F } : WRONG_TYPE,
  }
}

function runsWhenCalled(value: object): boolean {
  // Goes by the tag, so it works for functions of another realm, and for bound ones.
  const tag = Object.prototype.toString.call(value)
  if (tag === '[object GeneratorFunction]' || tag === '[object AsyncGeneratorFunction]') return false
  return !/^class\b/.test(Function.prototype.toString.call(value))
}

/** One of a few words. A word that is none of them is out of range; anything else is of the wrong type. */
export function oneOf<T extends string>(...words: readonly T[]): Rule<T> {
  return {
    allowed: words.map((word) => `'${word}'`).join(' or '),
    read: (value) => {
      if (typeof value !== 'string') return WRONG_TYPE
      return words.includes(value as T) ? { value: value as T } : OUT_OF_RANGE
    },
  }
}

/** True if it can be looked into: an object that is not an array. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** An object that has all these methods. */
export function objectWith<T>(noun: string, ...methods: readonly string[]): Rule<T> {
  return {
    allowed:
      methods.length === 0
        ? noun
        : `${noun} (an object with ${methods.map((method) => `${method}()`).join(', ')})`,
    read: (value) => {
      if (!isRecord(value)) return WRONG_TYPE
      return methods.every((method) => typeof value[method] === 'function')
        ? { value: value as T }
        : WRONG_TYPE
    },
  }
}

/** A list, each element of which fits a rule. */
export function listOf<T>(plural: string, rule: Rule<T>): Rule<readonly T[]> {
  return {
    allowed: `an array of ${plural}`,
    read: (value) => {
      if (!Array.isArray(value)) return WRONG_TYPE
      const read: T[] = []
      for (const [index, element] of (value as unknown[]).entries()) {
        const reading = rule.read(element)
        if (!('value' in reading)) {
          return { wrong: reading.wrong, within: { place: `[${index}]`, value: element } }
        }
        read.push(reading.value)
      }
      return { value: Object.freeze(read) }
    },
  }
}
