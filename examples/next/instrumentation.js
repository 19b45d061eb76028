/** Next.js calls this once when its server starts. This is where a self-hosted app runs its jobs; elsewhere a worker of its own does. */
export async function register() {
  // In this form a build for the edge runtime leaves the import out.
  if (process.env.NEXT_RUNTIME === 'nodejs') {
    const { getQueue } = await import('./lib/queue.js')
    const queue = getQueue()
    await queue.startup()
    queue.process('welcome-email', (job, ctx) => ctx.log(`Welcome, ${job.data.name}!`), { concurrency: 4 })
  }
}
