/** Calls of a queue that the dashboard makes. A queue, or the backend behind it, may lack some. */
import { DurablError } from '../base/errors'

/** A call by name, with any result of the queue; its shape is read in one place each. */
export type Call = (...args: unknown[]) => Promise<unknown>

/** The call of this name. */
export function callOf(queue: object, name: string): Call {
  const call: unknown = Reflect.get(queue, name)
  if (typeof call === 'function')
    return async (...args) => (await Reflect.apply(call, queue, args)) as unknown
  return () => {
    const message = `${name}: this queue has no ${name}()`
    return Promise.reject(new DurablError('ERR_DURABL_UNSUPPORTED', message))
  }
}

export const isUnsupported = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_DURABL_UNSUPPORTED'

/** The reply of a call; `fallback` if the queue lacks it. Anything else that goes wrong is thrown. */
export async function ifSupported<T>(asked: Promise<unknown>, fallback: T): Promise<T> {
  try {
    return (await asked) as T
  } catch (error) {
    if (isUnsupported(error)) return fallback
    throw error
  }
}
