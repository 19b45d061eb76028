import { Inject, Injectable, Module, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common'
import { JobQueue, MongoJobQueue, type JobContext, type Job, type EnqueueOptions } from 'durabl'
import { MongoClient } from 'mongodb'

interface Jobs {
  letter: { to: string }
}

@Injectable()
export class Letters implements OnModuleInit, OnModuleDestroy {
  @Inject('tenant') private readonly tenant?: string

  constructor(private readonly queue: JobQueue<Jobs>) {}

  async onModuleInit() {
    await this.queue.startup()
    this.queue.process('letter', (job, ctx) => this.deliver(job, ctx), { concurrency: 4 })
  }

  async send(to: string, options: EnqueueOptions = {}) {
    return this.queue.enqueue('letter', { to }, { ...options, dedupeKey: this.tenant })
  }

  async onModuleDestroy() {
    await this.queue.shutdown()
  }

  private async deliver(job: Job<Jobs['letter']>, ctx: JobContext) {
    await ctx.log(job.data.to)
  }
}

const queue = {
  provide: JobQueue,
  inject: [MongoClient],
  useFactory: (client: MongoClient) => new JobQueue<Jobs>(new MongoJobQueue({ db: client.db() })),
}

@Module({ providers: [Letters, queue] })
export class LettersModule {}
