/** Change streams of a database's jobs, as an operator could end them who kills cursors. */
import { pollUntil } from '../../../support/wait.mjs'

/** A stream that was ended a moment ago is being opened again. */
const PATIENCE_MS = 3000

const IS_STREAM = { 'cursor.originatingCommand.pipeline.0.$changeStream': { $exists: true } }

async function openStreams(admin, database) {
  const operations = await admin
    .aggregate([
      { $currentOp: { allUsers: true, idleCursors: true } },
      { $match: { ns: `${database}.jobs`, ...IS_STREAM } },
    ])
    .toArray()
  return operations.map(({ cursor }) => cursor.cursorId)
}

/** Kills those that are open, as soon as there is any; how many that were, none if none is opened in time. */
export async function killStreams(admin, database) {
  const jobs = admin.client.db(database)
  const kill = async () => {
    const cursors = await openStreams(admin, database)
    if (cursors.length === 0) return null
    const { cursorsKilled } = await jobs.command({ killCursors: 'jobs', cursors })
    return cursorsKilled.length > 0 ? cursorsKilled.length : null
  }
  // Other faults of the server may hit these commands as well. Then they are tried again, and one that never works has no effect.
  const tried = pollUntil('a change stream is killed', () => kill().catch(() => null), {
    patienceMs: PATIENCE_MS,
  })
  return tried.catch(() => 0)
}
