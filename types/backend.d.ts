/** The contract of a backend. */
import type { AdminBackend } from './admin.js'
import type { ClaimsBackend } from './claims.js'
import type { ControlBackend } from './control.js'
import type { FleetBackend } from './fleet.js'
import type { JournalBackend } from './journal.js'
import type { ProduceBackend } from './produce.js'
import type { QueryBackend } from './query.js'
import type { JobQueue } from './queue.js'
import type { SchedulesBackend } from './schedules.js'
import type { TransactBackend } from './transact.js'
import type { WorkBackend } from './work.js'

/**
 * A store of jobs. Implement it to bring a store of your own.
 *
 * Settlements with a `claimToken` must apply only while the job is active under that token; without one they apply to a
 * pending or active job. Neither may overwrite a terminal status.
 *
 * A backend is one flat object. Each of its capabilities is a type of its own, for code that needs no more. Replies of any
 * era are allowed by these types; {@link JobQueue}, its handles and contexts, and the backends of this package answer in full.
 */
export interface IJobQueueBackend
  extends
    ProduceBackend,
    ClaimsBackend,
    WorkBackend,
    TransactBackend,
    QueryBackend,
    ControlBackend,
    SchedulesBackend,
    FleetBackend,
    JournalBackend,
    AdminBackend {}
