/** The same MongoDB, told to keep no past, since no reader here needs a state that is over. */
import { startWith } from './mongodb.mjs'

export const settings = 'the same with `minSnapshotHistoryWindowInSeconds` 0 instead of 300'

export const start = () => startWith({ args: ['--setParameter', 'minSnapshotHistoryWindowInSeconds=0'] })
