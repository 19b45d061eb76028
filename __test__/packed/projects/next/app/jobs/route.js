import { DummyBackend, JobQueue } from 'durabl'
import { createDashboard } from 'durabl/dashboard'

export const dynamic = 'force-dynamic'

const queue = new JobQueue(new DummyBackend())
const dashboard = createDashboard({ queue, authorize: () => ({ status: 'full' }) })

export const GET = dashboard.fetch
export const POST = dashboard.fetch
