import type { SafeLogger } from '../base/logger'

/**
 * Calls `onSignal` at the first of these signals, and swallows further ones until what it returned has settled: a terminal and
 * a process manager often both send one. Then the handlers go, so that the next signal has its usual effect.
 *
 * @returns removes the handlers; harmless when they are gone
 */
export function onSignals(
  signals: readonly NodeJS.Signals[],
  logger: SafeLogger,
  onSignal: () => Promise<void>,
): () => void {
  let received = false
  const uninstall = () => {
    for (const signal of signals) process.removeListener(signal, listener)
  }
  const listener = (signal: NodeJS.Signals) => {
    if (received) return
    received = true
    logger.info({ signal }, 'signal received: shutting down')
    void onSignal().finally(uninstall)
  }
  for (const signal of signals) process.on(signal, listener)
  return uninstall
}
