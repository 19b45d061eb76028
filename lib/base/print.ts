import { inspect } from 'node:util'

/**
 * Has instances of a class printed and serialised as a few words about themselves. Their parts are private, and may lead to secrets.
 */
export function shownAs<T extends object>(
  { prototype, name }: { readonly prototype: T; readonly name: string },
  summary: (instance: T) => object,
): void {
  define(prototype, inspect.custom, function (this: T, _depth: number, options: object) {
    return `${name} ${inspect(summary(this), options)}`
  })
  define(prototype, 'toJSON', function (this: T) {
    return summary(this)
  })
}

function define(prototype: object, name: string | symbol, value: (...args: never[]) => unknown): void {
  Object.defineProperty(prototype, name, { value, configurable: true, writable: true })
}
