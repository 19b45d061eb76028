/** The queues of a dashboard, by name. */
import { refuse } from './reply'
import { Memo } from './memo'
import type { Failures, History, Live } from './wire'

/** Age that live numbers may have. Pages ask every three seconds. */
const LIVE_MS = 2500
const HISTORY_MS = 15_000

/** One queue, and its numbers of a moment ago. */
export class Shelf {
  readonly live = new Memo<Live>(LIVE_MS)
  readonly history = new Memo<History>(HISTORY_MS)
  readonly failures = new Memo<Failures>(LIVE_MS)
  readonly metrics = new Memo<string>(LIVE_MS)

  constructor(
    readonly name: string,
    readonly queue: object,
  ) {}

  clear(): void {
    this.live.clear()
    this.failures.clear()
  }
}

export type Shelves = ReadonlyMap<string, Shelf>

export function shelfOf(shelves: Shelves, name: string | null): Shelf {
  if (name === null || name === '') return [...shelves.values()][0] as Shelf
  return shelves.get(name) ?? refuse(404, 'not-found', `there is no queue ${JSON.stringify(name)}`)
}
