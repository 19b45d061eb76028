import { types } from 'node:util'

/** Values in error messages are cut here: a payload or a secret passed by mistake must not fill a log. */
const MAX_SHOWN = 40

/**
 * A value in a few words, for an error message. Never throws and never runs the value's own code: no `toString`, no getter.
 */
export function show(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value === '' ? 'an empty string' : `${quote(value)} (a string)`
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value)
    case 'bigint':
      return `${cut(String(value))} (a bigint)`
    case 'boolean':
    case 'undefined':
      return String(value)
    case 'function':
      return 'a function'
    case 'symbol':
      return 'a symbol'
    default:
      return showObject(value as object | null)
  }
}

/** A name, in quotes and cut. */
export function quote(text: string): string {
  return JSON.stringify(cut(text))
}

function cut(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN - 1)}…` : text
}

function showObject(value: object | null): string {
  if (value === null) return 'null'
  // A proxy's traps are its owner's code, and so is any question about its class.
  if (types.isProxy(value)) return 'an object'
  if (Array.isArray(value)) return 'an array'
  if (types.isPromise(value)) return 'a promise: await it first'
  const name = className(value)
  return name === null ? 'an object' : `an object of class ${cut(name)}`
}

/** The name of a value's class; null for plain objects, and if only a getter could tell. */
function className(value: object): string | null {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (typeof prototype !== 'object' || prototype === null || types.isProxy(prototype)) return null
  const maker: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value
  if (typeof maker !== 'function' || types.isProxy(maker)) return null
  const name: unknown = Object.getOwnPropertyDescriptor(maker, 'name')?.value
  return typeof name === 'string' && name !== '' && name !== 'Object' ? name : null
}
