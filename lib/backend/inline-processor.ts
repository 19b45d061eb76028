/** Messages between a queue and a backend that runs its handlers inside `enqueue`, beside the public contract. */
import type { JobHandler } from '../types'

/** The settings by which a backend runs a processor. */
export interface InlineProcessor {
  readonly concurrency: number
}

/** The failure of a run, for the call that waits for it. */
export interface RunFailure {
  readonly error: unknown
}

const PROCESSORS = new WeakMap<JobHandler<any>, InlineProcessor>()

/** Marks this handler as one that runs a processor. Such a handler never throws: it resolves to a {@link RunFailure}, or to null. */
export function markProcessor(
  handler: (...args: Parameters<JobHandler<any>>) => Promise<RunFailure | null>,
  processor: InlineProcessor,
): void {
  PROCESSORS.set(handler, processor)
}

/** Null for a handler that an app has registered itself. */
export function processorOf(handler: JobHandler<any>): InlineProcessor | null {
  return PROCESSORS.get(handler) ?? null
}
