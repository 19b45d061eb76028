/**
 * All validation of arguments: nothing malformed gets past these functions, and nothing behind them checks again.
 *
 * - `undefined` stands for "absent" everywhere. `null` does for a whole set of options, for a claim token, and for a skipped
 *   argument such as a logger or a type filter. A single option of `null` is refused.
 * - The wrong kind of value is a `TypeError`, the right kind out of bounds a `RangeError`. Both have the code
 *   `ERR_DURABL_INVALID_ARGUMENT` and name the argument, its value and the allowed ones.
 */
export * from './backend'
export * from './control'
export * from './many'
export * from './enqueue'
export * from './fleet'
export * from './looking'
export * from './journal'
export { checkKept, checkPayload } from './payload'
export { isRecord } from './rules'
export * from './query'
export * from './queue'
export * from './session'
export { TRACE } from './trace'
