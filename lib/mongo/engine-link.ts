/** The engine of a `MongoJobQueue`, handed to the driver of processors past the public methods. */
import type { Job } from '../types'
import { decodeJob, decodeJobs } from './bson/job-document'
import { encodeKept } from './bson/payload'
import type { NativeEngine, NativeEvent } from './native/addon'
import type { OpenCollection } from './open-collection'

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
    | 'serverTime'
  >
  /** The processors of queues that have not ended. */
  readonly openProcessors: Set<number>
  /** One job as BSON. */
  decodeJob(document: Uint8Array): Job<any>
  /** A value that a completed job is to keep. */
  encodeResult(value: unknown): Buffer
  /** Jobs as BSON, end to end. */
  decodeJobs(documents: Buffer, count: number): Job<any>[]
  /** Makes the jobs of schedules, until the returned function is called. */
  fireSchedules(): () => void
  /** Passes on every event of the engine. Returns the function that unsubscribes. */
  subscribe(listener: (event: NativeEvent) => void): () => void
}

export function engineLink({ engine, codec, schedules, reminder }: OpenCollection): EngineLink {
  return {
    native: engine.native,
    fireSchedules: () => {
      // A worker makes the jobs of schedules, which hold keys, and claims by the indexes.
      reminder.keyUsed()
      return schedules.begin()
    },
    openProcessors: engine.openProcessors,
    decodeJob: (document) => decodeJob(document, codec),
    decodeJobs: (documents, count) => decodeJobs(documents, count, codec),
    encodeResult: (value) => encodeKept('results', 'result', value, codec),
    subscribe: (listener) => engine.subscribe(listener),
  }
}
