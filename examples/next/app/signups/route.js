import { getQueue } from '../../lib/queue.js'

export const dynamic = 'force-dynamic'

/** Makes a job, and answers at once with its id. */
export async function POST(request) {
  const { name } = await request.json()
  const id = await getQueue().enqueue('welcome-email', { name, at: new Date(0) })
  return Response.json({ id }, { status: 202 })
}

/** Tells how the job of an id is doing. */
export async function GET(request) {
  const job = await getQueue().getJob(new URL(request.url).searchParams.get('id') ?? '-')
  return job === null
    ? Response.json({ error: 'no such job' }, { status: 404 })
    : Response.json({ status: job.status, data: job.data, log: job.logs.map(({ message }) => message) })
}
