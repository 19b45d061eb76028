/** A feature that makes jobs and runs them. */
import { Body, Controller, HttpCode, Inject, Injectable, Module, Post, type OnModuleInit } from '@nestjs/common'
import { JobQueue, type Job, type JobContext } from 'durabl'
import type { Jobs } from './queue.module.js'

@Injectable()
export class Letters implements OnModuleInit {
  constructor(@Inject(JobQueue) private readonly queue: JobQueue<Jobs>) {}

  onModuleInit() {
    this.queue.process('welcome-email', (job, ctx) => this.deliver(job, ctx), { concurrency: 4 })
  }

  send(name: string) {
    return this.queue.enqueue('welcome-email', { name }, { dedupeKey: `welcome-email:${name}` })
  }

  private async deliver(job: Job<Jobs['welcome-email']>, ctx: JobContext) {
    await ctx.log(`to ${job.data.name}`)
    console.log(`Welcome, ${job.data.name}!`)
  }
}

@Controller('signups')
export class Signups {
  constructor(@Inject(Letters) private readonly letters: Letters) {}

  @Post()
  @HttpCode(202)
  async signUp(@Body() { name }: { name: string }) {
    return { id: await this.letters.send(name) }
  }
}

@Module({ providers: [Letters], controllers: [Signups] })
export class LettersModule {}
