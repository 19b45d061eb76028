/**
 * The next occurrence of a schedule. Pure: no clock, no server.
 *
 * A pattern with a star in its minute or hour follows elapsed time: it runs at each moment whose local time fits. So it runs twice in an
 * hour that the clock repeats, and not in one that it skips.
 *
 * Any other pattern runs at its times on the wall. At a time that the clock repeats it runs the first time. For a time that the clock
 * skips, it runs at the first moment after the gap, unless that moment is on another date. It runs there once, however many times fell into
 * the gap.
 */
import type { Pattern } from './pattern'
import { nextWall } from './walls'
import type { Zone } from './zone'

const DAY_MS = 86_400_000

/** The times of a schedule, read and checked. */
export type Timing = { readonly kind: 'cron'; readonly pattern: Pattern; readonly zone: Zone } | Every

/** One each time this many milliseconds have passed, counted from a moment. */
interface Every {
  readonly kind: 'every'
  readonly everyMs: number
  readonly from: number
}

/** The first occurrence after an instant; null if none comes within nine years. */
export function nextOccurrence(timing: Timing, after: number): number | null {
  if (timing.kind === 'every') return nextOfEvery(timing, after)
  const { pattern, zone } = timing
  return pattern.isElapsed ? nextElapsed(pattern, zone, after) : nextOnWall(pattern, zone, after)
}

function nextOfEvery({ everyMs, from }: Every, after: number): number {
  return from + (Math.floor((after - from) / everyMs) + 1) * everyMs
}

/** From one change of the offset to the next, wall times and instants run side by side. */
function nextElapsed(pattern: Pattern, zone: Zone, after: number): number | null {
  // Occurrences are whole seconds.
  for (let from = Math.floor(after / 1000) * 1000 + 1000; ;) {
    const wall = nextWall(pattern, zone.wallAt(from))
    if (wall === null) return null
    const instant = from + (wall - zone.wallAt(from))
    const change = zone.nextChange(from, instant)
    if (change === null) return instant
    from = change
  }
}

/** The instants of ascending wall times never descend, so the first one that is late enough is the next. */
function nextOnWall(pattern: Pattern, zone: Zone, after: number): number | null {
  for (let from = zone.wallAt(after); ;) {
    const wall = nextWall(pattern, from)
    if (wall === null) return null
    const instant = zone.instantOf(wall)
    const shown = zone.wallAt(instant)
    if (instant > after && isOnDateOf(wall, shown)) return instant
    // All times that fall into one gap have one instant.
    from = Math.max(wall + 1000, shown)
  }
}

function isOnDateOf(wall: number, other: number): boolean {
  return Math.floor(wall / DAY_MS) === Math.floor(other / DAY_MS)
}
