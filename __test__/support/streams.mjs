/** Change streams, as the server sees them. */

/** The cursors of change streams that are open on a collection, those that wait for the next reply included. */
export async function streamCursors(client, collection) {
  const operations = await client
    .db('admin')
    .aggregate([
      { $currentOp: { allUsers: true, idleCursors: true } },
      {
        $match: {
          ns: collection.namespace,
          'cursor.originatingCommand.pipeline.0.$changeStream': { $exists: true },
        },
      },
    ])
    .toArray()
  const cursors = new Map(operations.map((operation) => [String(operation.cursor.cursorId), operation]))
  return [...cursors.values()].map(({ cursor, opid }) => ({
    id: cursor.cursorId,
    opid,
    pipeline: cursor.originatingCommand.pipeline,
    options: cursor.originatingCommand.pipeline[0].$changeStream,
  }))
}
