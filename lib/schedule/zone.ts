/** A time zone, by the data of `Intl`. Nothing here depends on the process's own zone. */

const SECOND_MS = 1000
const DAY_MS = 86_400_000

type Unit = 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second'

/** Twenty years of days. */
const MOST_DAYS_KEPT = 7305

/** Time zones are few, and making one takes long. */
const zones = new Map<string, Zone>()

/** @throws RangeError if `Intl` does not know the zone */
export function zoneOf(name: string): Zone {
  let zone = zones.get(name)
  if (zone === undefined) {
    zone = new Zone(name)
    zones.set(name, zone)
  }
  return zone
}

/** Wall times are numbers, as in `walls.ts`; instants are milliseconds since 1970. */
export class Zone {
  private readonly format: Intl.DateTimeFormat
  /** By days of UTC: the offset, or null for a day on which it changes. Asking `Intl` takes microseconds. */
  private readonly offsetsOfDays = new Map<number, number | null>()

  constructor(name: string) {
    this.format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  }

  /** The wall time at an instant. */
  wallAt(instant: number): number {
    return instant + this.offsetAt(instant)
  }

  /** The instant of a wall time: of one that happens twice the first, of one that the clock skips the moment after the gap. */
  instantOf(wall: number): number {
    // No zone is further from UTC than 15 hours.
    const offsets = [this.offsetAt(wall - DAY_MS), this.offsetAt(wall + DAY_MS)]
    const instants = offsets.map((offset) => wall - offset).filter((instant) => this.wallAt(instant) === wall)
    if (instants.length > 0) return Math.min(...instants)
    return this.firstAtOrAfter(wall, wall - Math.max(...offsets), wall - Math.min(...offsets))
  }

  /** The first moment after `from` and not after `until` at which the offset changes; null if it does not. */
  nextChange(from: number, until: number): number | null {
    const before = this.offsetAt(from)
    for (let low = from; low < until; low += DAY_MS) {
      const high = Math.min(low + DAY_MS, until)
      if (this.offsetAt(high) !== before) return this.changeWithin(low, high, before)
    }
    return null
  }

  private changeWithin(low: number, high: number, before: number): number {
    return bisect(low, high, (instant) => this.offsetAt(instant) !== before)
  }

  /** The clock jumps over the wall time between these instants. */
  private firstAtOrAfter(wall: number, low: number, high: number): number {
    return bisect(low, high, (instant) => this.wallAt(instant) >= wall)
  }

  private offsetAt(instant: number): number {
    const day = Math.floor(instant / DAY_MS)
    let offset = this.offsetsOfDays.get(day)
    if (offset === undefined) {
      const first = this.askOffset(day * DAY_MS)
      offset = first === this.askOffset((day + 1) * DAY_MS) ? first : null
      if (this.offsetsOfDays.size >= MOST_DAYS_KEPT) this.offsetsOfDays.clear()
      this.offsetsOfDays.set(day, offset)
    }
    return offset ?? this.askOffset(instant)
  }

  private askOffset(instant: number): number {
    const whole = Math.floor(instant / SECOND_MS) * SECOND_MS
    const parts = this.format.formatToParts(whole).map(({ type, value }) => [type, Number(value)] as const)
    const { year, month, day, hour, minute, second } = Object.fromEntries(parts) as Record<Unit, number>
    return Date.UTC(year, month - 1, day, hour, minute, second) - whole
  }
}

/** The first second for which the answer is yes, between one for which it is no and one for which it is yes. All are whole seconds. */
function bisect(no: number, yes: number, ask: (instant: number) => boolean): number {
  let [low, high] = [no / SECOND_MS, yes / SECOND_MS]
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (ask(middle * SECOND_MS)) high = middle
    else low = middle
  }
  return high * SECOND_MS
}
