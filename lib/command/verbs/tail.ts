/** The verb `tail`: changes of jobs as they happen, from the change stream. */
import type { ChangeStreamDocument, Document } from 'mongodb'
import { iso, printable } from '../tools/output'
import { atMost, textIn } from '../tools/arguments'
import type { Context, Verb } from '../tools/verb'

export const tail: Verb = {
  name: 'tail',
  usage: 'tail [--type T]',
  summary: 'jobs as they come, start and end; --json prints JSON lines',
  options: { type: { type: 'string' } },
  check: (_values, positionals) => atMost(0, positionals),
  async run({ collection, values, output, signal }) {
    const type = textIn(values, 'type')
    const stream = collection.watch(pipeline(type), { fullDocument: 'updateLookup' })
    const stop = () => void stream.close().catch(() => {})
    signal.addEventListener('abort', stop, { once: true })
    output.say('following; Ctrl-C ends it')
    try {
      for await (const change of stream) told(output, change)
    } catch (error) {
      if (!signal.aborted) throw error
    }
    return 0
  },
}

/** Renewals and log lines change no status, and are left out by the server. */
function pipeline(type: string | undefined): Document[] {
  const isOfStatus = {
    $or: [{ operationType: 'insert' }, { 'updateDescription.updatedFields.status': { $exists: true } }],
  }
  const fields = ['type', 'status', 'attempt', 'ending', 'failReason', 'runAt']
  const kept = Object.fromEntries(fields.map((field) => [`fullDocument.${field}`, 1]))
  return [
    { $match: { $and: [isOfStatus, ...(type === undefined ? [] : [{ 'fullDocument.type': type }])] } },
    // The id of the change is the place in the stream; `documentKey` has that of the job.
    {
      $project: {
        operationType: 1,
        documentKey: 1,
        wallTime: 1,
        clusterTime: 1,
        'updateDescription.updatedFields.status': 1,
        ...kept,
      },
    },
  ]
}

function told(output: Context['output'], change: ChangeStreamDocument): void {
  if (change.operationType !== 'insert' && change.operationType !== 'update') return
  const {
    documentKey,
    fullDocument = {},
    clusterTime,
    wallTime,
  } = change as {
    documentKey: { _id: unknown }
    fullDocument?: Document
    clusterTime?: { getHighBits(): number }
    wallTime?: Date
  }
  const at = wallTime ?? (clusterTime === undefined ? new Date() : new Date(clusterTime.getHighBits() * 1000))
  const status =
    change.operationType === 'update'
      ? (change.updateDescription.updatedFields?.status as string)
      : (fullDocument.status as string)
  const id = String(documentKey._id)
  const { type = '-', attempt, ending, failReason } = fullDocument as Record<string, string | undefined>
  if (output.isJson) {
    output.json({ at, id, type, status, attempt, ending, failReason })
    return
  }
  const what = change.operationType === 'insert' && status === 'pending' ? 'enqueued' : (ending ?? status)
  const reason =
    failReason !== undefined && (status === 'failed' || status === 'pending')
      ? `  ${failReason.slice(0, 100)}`
      : ''
  output.line(printable(`${iso(at)}  ${what.padEnd(10)}  ${type}  ${id}${reason}`))
}
