/** The same MongoDB, told to keep no past: nobody here reads what was true at a moment that is over. */
import { startWith } from './mongodb.mjs'

export const settings = 'the same with `minSnapshotHistoryWindowInSeconds` 0 instead of 300'

export const start = () => startWith({ args: ['--setParameter', 'minSnapshotHistoryWindowInSeconds=0'] })
