/** Tells how near a process comes to the end of its JavaScript heap, whenever it has come nearer than before. */
import { getHeapStatistics } from 'node:v8'

const EVERY_MS = 5

export function tellHeap(tell) {
  let fullest = 0
  const note = () => {
    const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics()
    if (used <= fullest) return
    fullest = used
    tell('heap', { used, limit })
  }
  setInterval(note, EVERY_MS).unref()
}
