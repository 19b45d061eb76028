/** Ends the change streams that are open on a database's jobs, as an operator could who kills cursors. */
export async function killStreams(admin, database) {
  const isStream = { 'cursor.originatingCommand.pipeline.0.$changeStream': { $exists: true } }
  const cursors = await admin
    .aggregate([
      { $currentOp: { allUsers: true, idleCursors: true } },
      { $match: { ns: `${database}.jobs`, ...isStream } },
    ])
    .toArray()
    .catch(() => [])
  const ids = cursors.map(({ cursor }) => cursor.cursorId)
  const jobs = admin.client.db(database)
  if (ids.length > 0) await jobs.command({ killCursors: 'jobs', cursors: ids }).catch(() => {})
  return ids.length
}
