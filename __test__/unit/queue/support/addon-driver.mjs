/** An engine driver on an engine that a test plays, new for each test of the file that imports this. */
import { afterEach, beforeEach } from 'node:test'
import { AddonEngine } from '../../../../dist/engine/addon/addon-engine.js'
import { Driver } from '../../../../dist/driver/driver.js'
import { safeLogger } from '../../../../dist/base/logger.js'
import { Reporter } from '../../../../dist/run/report.js'
import { eventLog } from '../../../support/async.mjs'
import { FakeEngine } from '../../../support/fake-engine.mjs'
import { recordingLogger } from '../../../support/loggers.mjs'

export let engine, driver, log, logger, calls
beforeEach(() => {
  engine = new FakeEngine()
  log = eventLog()
  logger = recordingLogger()
  calls = []
  const backend = {
    heartbeat: async (...args) => (calls.push(['heartbeat', ...args]), 'applied'),
    log: async (...args) => void calls.push(['log', ...args]),
    fail: async (...args) => (calls.push(['fail', ...args]), { status: 'retry-scheduled' }),
  }
  const report = new Reporter(log.listener, safeLogger(logger))
  const options = { visibilityTimeoutMs: 1000, logger: report.logger }
  driver = new Driver((events) => new AddonEngine(engine, backend, options, events), backend, {
    visibilityTimeoutMs: 1000,
    autoRecover: true,
    report,
  })
})
afterEach(() => driver.close())

const DEFAULTS = {
  concurrency: 1,
  pollInterval: null,
  heartbeatIntervalMs: null,
  timeoutMs: null,
  prefetch: null,
}

/** Registers a processor with the defaults but for `config`. */
export function process(handler, config = {}) {
  return driver.process({ type: 'work', handler, ...DEFAULTS, ...config })
}

export const job = (n) => ({
  id: `job-${n}`,
  type: 'work',
  data: n,
  attempt: 1,
  maxAttempts: 3,
  claimToken: `t${n}`,
})
export const jobs = (count) => Array.from({ length: count }, (_, n) => job(n))
