/** The kind of an error, of which there are few: never its message. */
export function errorTypeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '_OTHER'
  const { code, name } = error as { readonly code?: unknown; readonly name?: unknown }
  if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,63}$/.test(code)) return code
  if (typeof name === 'string' && /^[A-Za-z][\w.]{0,63}$/.test(name)) return name
  return '_OTHER'
}
