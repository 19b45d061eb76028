import { DurablError } from '../base/errors'
import { fromCaller } from '../base/stack'
import type { IJobQueueBackend, QueryBackend } from '../types'

type Looks = Pick<Required<QueryBackend>, 'getJob' | 'listJobs' | 'ends'>

/** A backend's method that looks at jobs, bound. Backends written for earlier versions lack it. */
export function lookWith<M extends keyof Looks>(
  backend: IJobQueueBackend,
  method: M,
  call: string = method,
): Looks[M] {
  const look: unknown = Reflect.get(backend, method)
  if (typeof look === 'function') return look.bind(backend) as Looks[M]
  throw fromCaller(new DurablError('ERR_DURABL_UNSUPPORTED', `${call}: this backend has no ${method}()`))
}
