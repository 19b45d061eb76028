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
 * A store of jobs. Implement this interface to bring a store of your own.
 *
 * A settlement with a `claimToken` must apply only while the job is active under that token. A settlement without a token applies to a
 * pending or active job. Neither may overwrite a terminal status.
 *
 * A backend is one flat object. Each capability has a type of its own, for code that needs only that part. The types also allow the replies of
 * backends that were written for earlier versions. {@link JobQueue}, its handles and contexts, and the backends of this package always
 * return full results.
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
