import { later } from '../base/later'
import { engineOf } from '../mongo/mongo-job-queue'
import type { IJobQueueBackend } from '../types'
import { AddonEngine } from '../engine/addon/addon-engine'
import { Driver } from './driver'
import type { DriverOptions } from './driver'
import type { EngineEvents } from '../engine/engine'
import type * as Script from '../engine/script/script-engine'

const script = later(() => require('../engine/script/script-engine') as typeof Script)

/**
 * The driver of a queue on a backend. An unmodified `MongoJobQueue` gets the addon's engine. Any other backend gets plain JavaScript, and so do
 * handles that are not the `MongoJobQueue`'s own.
 */
export function createDriver(backend: IJobQueueBackend, options: DriverOptions): Driver {
  const { visibilityTimeoutMs, report } = options
  const link = engineOf(backend)
  const byScript = (events: EngineEvents) =>
    new (script().ScriptEngine)(backend, { visibilityTimeoutMs, report }, events)
  if (link === null) return new Driver(byScript, backend, options)
  const byAddon = (events: EngineEvents) =>
    new AddonEngine(link, backend, { visibilityTimeoutMs, logger: report.logger }, events)
  return new Driver(byAddon, backend, options, () => new Driver(byScript, backend, options))
}
