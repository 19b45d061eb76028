// Written by scripts/esm-entry.mjs.
import durabl from './dist/index.js'

export const {
  AuthenticationError,
  ConnectionError,
  DummyBackend,
  DurablError,
  FatalJobError,
  ImmediateBackend,
  JobQueue,
  LeaseLostError,
  MongoChangeStreamWatcher,
  MongoJobQueue,
  PayloadError,
  PermissionError,
  ServerError,
  ServerUnsupportedError,
  ShutDownError,
  TimeoutError,
  UnsupportedOptionError,
  consoleLogger,
  createJobQueue,
  defaultLogger,
  getDefaultQueue,
  getGlobalBackend,
  setGlobalBackend,
  withGlobalQueue,
} = durabl
