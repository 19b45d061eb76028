/** The calls by which a queue has a backend change jobs. A backend of any era may lack them. */
import { DurablError } from '../base/errors'
import { fromCaller } from '../base/stack'
import type { ControlBackend, JobControl } from '../types'

/** A method of the backend's, bound to it. */
export function controlOf<Name extends keyof JobControl>(
  backend: ControlBackend,
  name: Name,
): JobControl[Name] {
  const method: unknown = Reflect.get(backend, name)
  if (typeof method !== 'function') {
    throw fromCaller(new DurablError('ERR_DURABL_UNSUPPORTED', `${name}: this backend has no ${name}()`))
  }
  return method.bind(backend) as JobControl[Name]
}
