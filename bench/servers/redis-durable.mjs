/** Redis, which flushes before it acknowledges. */
import { startWith } from './redis.mjs'

export const settings = 'as Redis, with `appendfsync always`'

export const start = () => startWith('always')
