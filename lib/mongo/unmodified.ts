/** The check that an object still is what its class makes it: only then may the engine bypass its methods. */

/** The methods of a class at one moment, by name. */
export type Methods = ReadonlyMap<string, unknown>

export function methodsOf(prototype: object): Methods {
  const descriptors = Object.entries(Object.getOwnPropertyDescriptors(prototype))
  return new Map(descriptors.map(([name, descriptor]) => [name, implementation(descriptor)]))
}

/** The function itself: a method's, or an accessor's. */
function implementation(descriptor: PropertyDescriptor): unknown {
  return 'value' in descriptor ? (descriptor.value as unknown) : Reflect.get(descriptor, 'get')
}

/** True if an object is of exactly this class, and no method of either has been replaced since. */
export function isUnmodified(object: object, prototype: object, originals: Methods): boolean {
  if (Object.getPrototypeOf(object) !== prototype) return false
  const now = methodsOf(prototype)
  return [...originals].every(([name, method]) => now.get(name) === method && !Object.hasOwn(object, name))
}
