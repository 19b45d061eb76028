/** One step of an orchestration at work: its signal, its limit, its tries. */
import type { ClientSession } from 'mongodb'
import { afterLong } from '../base/long-timer'
import { StepTimeout } from '../base/orchestration-errors'
import { after } from '../base/timers'
import { DEFAULT_RETRY_POLICY, retryDelay } from '../memory/retry'
import type { Backoff, StepKeys } from '../types'

/** The function that an app gave a step. */
export type StepFunction = (keys: StepKeys, signal: AbortSignal) => unknown

/** The function of a step that works in a transaction. */
export type TransactionFunction = (session: ClientSession, keys: StepKeys) => unknown

/** The settings of a step. */
export interface StepSettings {
  readonly keys: StepKeys
  /** 0 for no limit. */
  readonly timeoutMs: number
  /** Null: a failure is a failure. */
  readonly retry: StepRetry | null
}

/** The retries of a failed step within its attempt. */
export interface StepRetry {
  readonly maxAttempts: number
  readonly backoff?: Backoff | undefined
  readonly backoffDelay?: number | undefined
  readonly backoffMaxDelay?: number | undefined
}

/** The surroundings of the tries of a step. */
export interface Tries {
  /** Tries that failed in earlier attempts. */
  readonly failed: number
  /** @throws why no further try may begin */
  mayBegin(): void
  /** Waits between two tries for so long that the job may be parked meanwhile. */
  waitLong(failed: number, delayMs: number): Promise<void>
}

/** Longer waits between two tries are recorded, and hold no slot. */
const LONG_WAIT_MS = 10_000

/** A step that is running. */
export class RunningStep {
  /** The reason that its signal is aborted, and that of each further try. */
  private aborted: { readonly reason: unknown } | null = null
  private controller: AbortController | null = null
  private endWait: (() => void) | null = null

  /**
   * @param turn the turn of the event loop in which it began
   * @param isFatal true if an error ends the job for good
   */
  constructor(
    readonly name: string,
    readonly turn: object,
    private readonly isFatal: (error: unknown) => boolean,
  ) {}

  /** Tells the step's function to stop. */
  abort(reason: unknown): void {
    if (this.aborted !== null) return
    this.aborted = { reason }
    this.controller?.abort(reason)
    this.endWait?.()
  }

  /** Ends a short wait between two tries. Harmless while the function runs. */
  hurry(): void {
    this.endWait?.()
  }

  /** Calls the function until it succeeds, or its tries are used up. */
  async run(fn: StepFunction, settings: StepSettings, tries: Tries): Promise<unknown> {
    const { retry } = settings
    for (let count = tries.failed + 1; ; count += 1) {
      try {
        return await this.call(fn, settings)
      } catch (error) {
        if (retry === null || count >= retry.maxAttempts || this.isFatal(error) || this.aborted !== null)
          throw error
        tries.mayBegin()
        const delayMs = delayOf(retry, count)
        await (delayMs > LONG_WAIT_MS ? tries.waitLong(count, delayMs) : this.wait(delayMs))
        tries.mayBegin()
      }
    }
  }

  /** Resolves with the wait, or as soon as the step is aborted. */
  async untilAborted(wait: Promise<void>): Promise<void> {
    if (this.aborted !== null) return
    await new Promise<void>((resolve) => {
      this.endWait = resolve
      wait.then(resolve, () => resolve())
    })
  }

  private call(fn: StepFunction, { keys, timeoutMs }: StepSettings): Promise<unknown> {
    const controller = new AbortController()
    this.controller = controller
    if (timeoutMs === 0) return new Promise((resolve) => resolve(fn(keys, controller.signal)))
    return new Promise((resolve, reject) => {
      const cancel = afterLong(timeoutMs, () => {
        const error = new StepTimeout(this.name, timeoutMs)
        controller.abort(error)
        reject(error)
      })
      const failed = (error: unknown) => {
        cancel()
        resolve(thrown(error))
      }
      try {
        Promise.resolve(fn(keys, controller.signal)).then((result) => {
          cancel()
          resolve(result)
        }, failed)
      } catch (error) {
        failed(error)
      }
    })
  }

  private wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      // It is part of a run, which keeps the process alive anyway.
      const cancel = after(delayMs, resolve)
      this.endWait = () => {
        cancel()
        resolve()
      }
    })
  }
}

/** As it was thrown. */
async function thrown(error: unknown): Promise<never> {
  throw error
}

function delayOf({ backoff, backoffDelay, backoffMaxDelay }: StepRetry, tries: number): number {
  const policy = {
    backoff: backoff ?? DEFAULT_RETRY_POLICY.backoff,
    delayMs: backoffDelay ?? DEFAULT_RETRY_POLICY.delayMs,
    maxDelayMs: backoffMaxDelay ?? DEFAULT_RETRY_POLICY.maxDelayMs,
  }
  return retryDelay(policy, tries, Math.random())
}
