import type { SafeLogger } from '../base/logger'

/** Reactions of queues to a signal. One listener of the process serves them all: Node.js warns of more than ten. */
const reactions = new Map<NodeJS.Signals, Set<(signal: NodeJS.Signals) => void>>()

function heard(signal: NodeJS.Signals): void {
  for (const react of [...(reactions.get(signal) ?? [])]) react(signal)
}

/** Before the listeners that the app has: one of those may look at `queue.draining`, to wait for it before it closes its client. */
function add(signal: NodeJS.Signals, react: (signal: NodeJS.Signals) => void): void {
  const all = reactions.get(signal) ?? new Set()
  reactions.set(signal, all.add(react))
  // The app may have removed all listeners.
  if (!process.listeners(signal).includes(heard)) process.prependListener(signal, heard)
}

function remove(signal: NodeJS.Signals, react: (signal: NodeJS.Signals) => void): void {
  const all = reactions.get(signal)
  if (!all?.delete(react) || all.size > 0) return
  process.removeListener(signal, heard)
}

/**
 * Calls `onSignal` at the first of these signals, and swallows further ones until its result has settled. A terminal and a process manager
 * often both send one. Then the handlers go, so that the next signal has its usual effect, and `drained` is called.
 *
 * @returns removes the handlers; harmless when they are gone
 */
export function onSignals(
  signals: readonly NodeJS.Signals[],
  logger: SafeLogger,
  onSignal: () => Promise<void>,
  drained: (signal: NodeJS.Signals) => void,
): () => void {
  let received = false
  const uninstall = () => {
    for (const signal of signals) remove(signal, react)
  }
  const react = (signal: NodeJS.Signals) => {
    if (received) return
    received = true
    logger.info({ signal }, 'signal received: shutting down')
    void onSignal()
      .finally(uninstall)
      .finally(() => drained(signal))
  }
  for (const signal of signals) add(signal, react)
  return uninstall
}
