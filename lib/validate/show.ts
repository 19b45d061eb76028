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
      return showObject(value)
  }
}

/** A name, in quotes and cut. */
export function quote(text: string): string {
  return JSON.stringify(cut(text))
}

function cut(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN - 1)}…` : text
}

function showObject(value: unknown): string {
  if (value === null) return 'null'
  // Both look at the value only from outside, where `instanceof` and `constructor.name` could run a proxy's traps.
  try {
    if (Array.isArray(value)) return 'an array'
  } catch {
    return 'a revoked proxy'
  }
  return 'an object'
}
