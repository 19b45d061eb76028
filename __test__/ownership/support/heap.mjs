/** Tells how near a process comes to the end of its JavaScript heap, whenever it has come nearer than before. */
import { PerformanceObserver } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'

export function tellHeap(tell) {
  let fullest = 0
  const note = () => {
    const { used_heap_size: used, external_memory: external, heap_size_limit: limit } = getHeapStatistics()
    if (used <= fullest) return
    fullest = used
    tell('heap', { used, external, limit })
  }
  // It is at its fullest when V8 decides to collect garbage; then as often as it does that something is told.
  setInterval(note, 5).unref()
  new PerformanceObserver((list) =>
    tell('gc', { kinds: list.getEntries().map(({ detail }) => detail.kind) }),
  ).observe({ entryTypes: ['gc'] })
}
