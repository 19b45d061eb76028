/** The engine of a `MongoJobQueue`, handed to the driver of processors past the public methods. */
import type { Job } from '../types'
import type { Codec } from './bson/codec'
import { decodeJob, decodeJobs } from './bson/job-document'
import type { NativeEngine, NativeEvent } from './native/addon'
import type { EngineHandle } from './native/engine-handle'

/** The engine of a `MongoJobQueue`, as far as a driver uses it. */
export interface EngineLink {
  readonly native: Pick<
    NativeEngine,
    | 'process'
    | 'finish'
    | 'goneAmong'
    | 'adopt'
    | 'quiesce'
    | 'setConcurrency'
    | 'stopProcessor'
    | 'startRecovery'
    | 'suspend'
    | 'resume'
    | 'completed'
  >
  /** One job as BSON. */
  decodeJob(document: Uint8Array): Job<any>
  /** Jobs as BSON, end to end. */
  decodeJobs(documents: Buffer, count: number): Job<any>[]
  /** Passes on every event of the engine. Returns the function that unsubscribes. */
  subscribe(listener: (event: NativeEvent) => void): () => void
}

export function engineLink(engine: EngineHandle, codec: Codec): EngineLink {
  return {
    native: engine.native,
    decodeJob: (document) => decodeJob(document, codec),
    decodeJobs: (documents, count) => decodeJobs(documents, count, codec),
    subscribe: (listener) => engine.subscribe(listener),
  }
}
