/** Gives the tests the stand-in for `node:test`. */
const STAND_IN = new URL('node-test.mjs', import.meta.url).href

export function resolve(specifier, context, next) {
  const isTests = specifier === 'node:test' && context.parentURL !== STAND_IN
  return isTests ? { url: STAND_IN, format: 'module', shortCircuit: true } : next(specifier, context)
}
