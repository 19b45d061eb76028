import { createDashboard } from 'durabl/dashboard'
import { getQueue } from '../../../lib/queue.js'

export const dynamic = 'force-dynamic'

const authorize = ({ headers }) => ({
  status: headers.get('authorization') === `Bearer ${process.env.ADMIN_TOKEN}` ? 'full' : 'denied',
})

let dashboard
const answer = (request) => (dashboard ??= createDashboard({ queue: getQueue(), authorize })).fetch(request)

export const GET = answer
export const POST = answer
