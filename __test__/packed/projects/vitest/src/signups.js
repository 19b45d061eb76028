/** A service as an app has it: it is given a queue, and does not know which backend is behind it. */
export class Signups {
  constructor(queue) {
    this.queue = queue
  }

  async signUp(user) {
    const id = await this.queue.enqueue('welcome-email', user, {
      dedupeKey: `welcome-email:${user.id}`,
      maxAttempts: 3,
      backoff: 'exponential',
      backoffDelay: 10_000,
    })
    await this.queue.enqueue('reminder', user, { delay: 24 * 3600 * 1000 })
    return id !== null
  }
}

/** The handlers of the app's worker. */
export function registerProcessors(queue, mailer) {
  queue.process('welcome-email', (job) => mailer.send('welcome', job.data))
  queue.process('reminder', (job) => mailer.send('reminder', job.data))
}
