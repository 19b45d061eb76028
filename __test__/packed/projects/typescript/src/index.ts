import { MongoClient, ObjectId } from 'mongodb'
import { JobQueue, MongoJobQueue, type Job, type JobContext } from 'durabl'

interface Jobs {
  greet: { user: ObjectId; at: Date }
}

async function main(): Promise<void> {
  const client = await MongoClient.connect(process.env.MONGO_URL!)
  const db = client.db(process.env.MONGO_DB)
  const backend = new MongoJobQueue({ db, useChangeStreams: true })
  await backend.startup()
  const queue = new JobQueue<Jobs>(backend)

  const user = new ObjectId()
  const ran = new Promise<Jobs['greet']>((resolve) => {
    queue.process('greet', (job: Job<Jobs['greet']>, ctx: JobContext) => {
      ctx.log('hello')
      resolve(job.data)
    })
  })
  const id: string | null = await queue.enqueue('greet', { user, at: new Date(0) }, { dedupeKey: 'greet:1' })
  console.log(typeof id)
  const data = await ran
  console.log(data.user instanceof ObjectId && data.user.equals(user), data.at.toISOString())
  // @ts-expect-error -- not the payload of this type
  const wrong = (): unknown => queue.enqueue('greet', { user: 1 })
  void wrong

  await queue.shutdown()
  console.log((await db.collection('jobs').findOne({ type: 'greet' }))?.status)
  await client.close()
}

void main()
