/** All that the package exports; `index.d.ts` documents it, `contract.ts` checks that the two agree. */
import { loadUnderJest } from './base/later'
export {
  AuthenticationError,
  ConnectionError,
  DeferJobError,
  DurablError,
  EnqueueManyError,
  FatalJobError,
  LeaseLostError,
  PayloadError,
  PermissionError,
  ServerError,
  ServerUnsupportedError,
  ShutDownError,
  TimeoutError,
  UnsupportedOptionError,
} from './base/errors'
export {
  createJobQueue,
  getDefaultQueue,
  getGlobalBackend,
  setGlobalBackend,
  withGlobalQueue,
} from './compat/global'
export { prometheusText } from './backend/prometheus'
export {
  DeadlineExceeded,
  HeartbeatConfigConflict,
  JournalTooLarge,
  MaxDurationExceeded,
  NonRetryable,
  NonSerializableStepResult,
  NondeterminismError,
  OrchestrationUnsupportedError,
  OrchestratorTypeConflict,
  StepTimeout,
  isFatalOrchestrationError,
} from './base/orchestration-errors'
export { Orchestrator } from './orchestrator/orchestrator'
export { JobQueue } from './queue/job-queue'
export { consoleLogger, defaultLogger } from './base/logger'
export { DummyBackend } from './memory/dummy-backend'
export { ImmediateBackend } from './memory/immediate-backend'
export { previewSchedule } from './schedule/preview'
export { MongoChangeStreamWatcher } from './compat/change-stream-watcher'
export { MongoJobQueue } from './mongo/mongo-job-queue'

loadUnderJest()
