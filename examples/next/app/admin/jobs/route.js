import { createDashboard } from 'durabl/dashboard'
import { getQueue } from '../../../lib/queue.js'

export const dynamic = 'force-dynamic'

/** The name is admin, and the password is ADMIN_TOKEN. Without that variable all are refused. */
const isAdmin = (authorization) => {
  const { ADMIN_TOKEN } = process.env
  return Boolean(ADMIN_TOKEN) && authorization === `Basic ${btoa(`admin:${ADMIN_TOKEN}`)}`
}

const authorize = ({ headers }) =>
  isAdmin(headers.get('authorization'))
    ? { status: 'full' }
    : { status: 'denied', authenticate: 'Basic realm="jobs"' }

let dashboard
const answer = (request) => (dashboard ??= createDashboard({ queue: getQueue(), authorize })).fetch(request)

export const GET = answer
export const POST = answer
