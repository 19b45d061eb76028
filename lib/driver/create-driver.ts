import { engineOf } from '../mongo/mongo-job-queue'
import type { IJobQueueBackend } from '../types'
import type { Driver, DriverOptions } from './driver'
import { EngineDriver } from './engine-driver'
import { JsDriver } from './js-driver'

/** The driver for a backend: the native engine for an unmodified `MongoJobQueue`, plain JavaScript for anything else. */
export function createDriver(backend: IJobQueueBackend, options: DriverOptions): Driver {
  const engine = engineOf(backend)
  return engine === null ? new JsDriver(backend, options) : new EngineDriver(engine, backend, options)
}
