import { JobQueue, MongoJobQueue } from 'durabl'

function create() {
  const backend = new MongoJobQueue({
    uri: process.env.MONGO_URL,
    database: process.env.MONGO_DB ?? 'durabl_examples',
    useChangeStreams: true,
  })
  return new JobQueue(backend)
}

/** The queue of this process: made at its first use, not by a build; kept when a development server loads modules anew. */
export const getQueue = () => (globalThis.jobQueue ??= create())
