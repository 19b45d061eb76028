import { isolatedListener } from './app-code'
import type { SafeLogger } from './logger'

/** Tells the user's listener of an event. Never throws. */
export type Emit<Event> = (event: Event) => void

/**
 * Makes a user's event listener safe to call. Null if there is none: then no events need to be made at all.
 *
 * A listener that throws (or is asynchronous and rejects) is warned of once, not at every event. It may be called thousands of times a second.
 *
 * @param name the option by which the listener came
 */
export function safeListener<Event>(
  name: string,
  listener: Emit<Event> | undefined,
  logger: SafeLogger,
): Emit<Event> | null {
  if (listener === undefined) return null
  let warned = false
  const warn = (err: unknown) => {
    if (warned) return
    warned = true
    logger.warn({ err }, `${name} threw; this is reported once, and events go on`)
  }
  return isolatedListener(listener, warn)
}
