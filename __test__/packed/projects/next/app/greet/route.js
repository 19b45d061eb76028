import { JobQueue, MongoJobQueue } from 'durabl'

export const dynamic = 'force-dynamic'

// By a connection string: the app itself imports no `mongodb`.
export async function GET() {
  const backend = new MongoJobQueue({ uri: process.env.MONGO_URL, database: process.env.MONGO_DB })
  const queue = new JobQueue(backend)
  try {
    await backend.startup()
    const ran = new Promise((resolve) => queue.process('greet', (job) => resolve(job.data)))
    await queue.enqueue('greet', { at: new Date(0) })
    const { at } = await ran
    return Response.json({ at: at.toISOString() })
  } finally {
    await queue.shutdown()
  }
}
