/** The queue as a provider: one for the app, started before anything uses it, and shut down with the app. */
import { Global, Inject, Injectable, Module, type OnApplicationShutdown } from '@nestjs/common'
import { JobQueue, MongoJobQueue } from 'durabl'
import { MongoClient } from 'mongodb'

/** The types of jobs of this app, with their payloads. */
export interface Jobs {
  'welcome-email': { name: string }
}

const client = {
  provide: MongoClient,
  useFactory: () => MongoClient.connect(process.env.MONGO_URL ?? 'mongodb://localhost:27017'),
}

const queue = {
  provide: JobQueue,
  inject: [MongoClient],
  async useFactory(connected: MongoClient) {
    const db = connected.db(process.env.MONGO_DB ?? 'durabl_examples')
    const made = new JobQueue<Jobs>(new MongoJobQueue({ db, useChangeStreams: true }))
    await made.startup()
    return made
  },
}

/** Jobs end before the connection that their handlers use. */
@Injectable()
class Shutdown implements OnApplicationShutdown {
  constructor(
    @Inject(JobQueue) private readonly jobs: JobQueue<Jobs>,
    @Inject(MongoClient) private readonly connected: MongoClient,
  ) {}

  async onApplicationShutdown() {
    await this.jobs.shutdown(25_000)
    await this.connected.close()
  }
}

@Global()
@Module({ providers: [client, queue, Shutdown], exports: [JobQueue] })
export class QueueModule {}
