import { DurablError, argumentError } from '../base/errors'
import { fromCaller } from '../base/stack'
import { JobQueue } from '../queue/job-queue'
import type { GlobalQueueOptions, IJobQueueBackend } from '../types'
import { checkBackend, readGlobalOptions } from '../validate'

/** The global set: one for the process, or for the realm where a test runner makes several. */
interface GlobalState {
  backend: IJobQueueBackend | null
  options: GlobalQueueOptions
  /** Made when first asked for. */
  queue: JobQueue | null
  scopeOpen: boolean
}

/** Under a registered symbol, so that two copies of this package (an app's and a library's) mean the same queue. */
const KEY = Symbol.for('durabl.global')

function state(): GlobalState {
  const holder = globalThis as { [KEY]?: GlobalState }
  return (holder[KEY] ??= { backend: null, options: {}, queue: null, scopeOpen: false })
}

export function setGlobalBackend(backend: IJobQueueBackend | null, options?: GlobalQueueOptions): void {
  const checked = backend === null ? null : checkBackend('setGlobalBackend', backend)
  const read = readGlobalOptions('setGlobalBackend', options)
  Object.assign(state(), { backend: checked, options: read, queue: null })
}

export function getGlobalBackend(): IJobQueueBackend {
  const { backend } = state()
  if (backend === null) {
    throw fromCaller(
      new DurablError(
        'ERR_DURABL_NO_GLOBAL_BACKEND',
        'there is no global backend: call setGlobalBackend(backend) first',
      ),
    )
  }
  return backend
}

export function getDefaultQueue(): JobQueue {
  const global = state()
  return (global.queue ??= createJobQueue())
}

export function createJobQueue(backend?: IJobQueueBackend, overrides?: GlobalQueueOptions): JobQueue {
  const checked = backend == null ? getGlobalBackend() : checkBackend('createJobQueue', backend)
  const read = readGlobalOptions('createJobQueue', overrides)
  const { logger, ...options } = { ...state().options, ...read }
  return new JobQueue(checked, logger, options)
}

export async function withGlobalQueue<R>(
  backend: IJobQueueBackend,
  optionsOrCallback: GlobalQueueOptions | Callback<R>,
  maybeCallback?: Callback<R>,
): Promise<R> {
  const [options, callback] =
    typeof optionsOrCallback === 'function'
      ? [undefined, optionsOrCallback]
      : [optionsOrCallback, maybeCallback]
  const checked = checkBackend('withGlobalQueue', backend)
  const read = readGlobalOptions('withGlobalQueue', options)
  if (typeof callback !== 'function') {
    throw argumentError(TypeError, 'withGlobalQueue: callback must be a function (queue) => …')
  }
  return inScope(checked, read, callback)
}

type Callback<R> = (queue: JobQueue) => R | PromiseLike<R>

async function inScope<R>(
  backend: IJobQueueBackend,
  options: GlobalQueueOptions,
  callback: Callback<R>,
): Promise<R> {
  const global = state()
  if (global.scopeOpen) {
    throw fromCaller(
      new DurablError(
        'ERR_DURABL_GLOBAL_SCOPE_OVERLAP',
        'withGlobalQueue: another scope is open; scopes may follow, but not contain or overlap each other',
      ),
    )
  }
  const before = { ...global }
  const queue = new JobQueue(backend, options.logger, withoutLogger(options))
  Object.assign(global, { backend, options, queue, scopeOpen: true })
  try {
    return await callback(queue)
  } finally {
    await queue.shutdown()
    // Entries that the callback itself made global go as well: after the scope all is as it was before.
    Object.assign(global, before)
  }
}

function withoutLogger({ logger: _logger, ...options }: GlobalQueueOptions): GlobalQueueOptions {
  return options
}
