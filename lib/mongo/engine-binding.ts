/** What the queue's engine driver needs of a `MongoJobQueue`, and whether it may have it. */
import type { Job } from '../types'
import type { Codec } from './codec'
import type { EngineHandle } from './engine-handle'
import { decodeJob, decodeJobs } from './job-document'
import type { NativeEngine, NativeEvent } from './native'

/** A backend's engine, for a driver that leaves the loop to it. */
export interface EngineBinding {
  readonly native: NativeEngine
  /** One job as BSON. */
  decodeJob(document: Uint8Array): Job<any>
  /** Jobs as BSON, end to end. */
  decodeJobs(documents: Buffer, count: number): Job<any>[]
  /** Every event of the engine. Returns how to unsubscribe. */
  subscribe(listener: (event: NativeEvent) => void): () => void
}

/** The binding of an engine. */
export function engineBinding(engine: EngineHandle, codec: Codec): EngineBinding {
  return {
    native: engine.native,
    decodeJob: (document) => decodeJob(document, codec),
    decodeJobs: (documents, count) => decodeJobs(documents, count, codec),
    subscribe: (listener) => engine.subscribe(listener),
  }
}

/** The methods of a class at one moment, by name. */
export type Methods = ReadonlyMap<string, unknown>

export function methodsOf(prototype: object): Methods {
  const descriptors = Object.entries(Object.getOwnPropertyDescriptors(prototype))
  return new Map(descriptors.map(([name, descriptor]) => [name, implementation(descriptor)]))
}

/** The function itself: a method's, or an accessor's. */
function implementation(descriptor: PropertyDescriptor): unknown {
  return 'value' in descriptor ? (descriptor.value as unknown) : Reflect.get(descriptor, 'get')
}

/** Whether an object is of exactly this class, and no method of either has been replaced since. */
export function isUnmodified(object: object, prototype: object, originals: Methods): boolean {
  if (Object.getPrototypeOf(object) !== prototype) return false
  const now = methodsOf(prototype)
  return [...originals].every(([name, method]) => now.get(name) === method && !Object.hasOwn(object, name))
}
