/** The beginning of a queue's shutdown, for parts of this package that would begin something new within a handler. */
type Listener = () => void

const LISTENERS = new WeakMap<object, Set<Listener>>()

/** Calls a listener when the shutdown of this queue begins. Returns the function that unsubscribes. */
export function onDraining(queue: object, listener: Listener): () => void {
  const listeners = LISTENERS.get(queue) ?? new Set()
  LISTENERS.set(queue, listeners)
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** The shutdown begins. */
export function beginDraining(queue: object): void {
  for (const listener of LISTENERS.get(queue) ?? []) listener()
}
