/** The state of a queue for monitoring. */
import type { DurablError } from './errors.js'
import type { JobQueue } from './queue.js'

/**
 * Returns the metrics of a queue in the text format of Prometheus. They cover all processes, are the same from each of them, and need no
 * running worker, so an autoscaler can start the first one.
 *
 * ```ts
 * import { createServer } from 'node:http'
 * import { prometheusText } from 'durabl'
 *
 * createServer(async (_request, response) => {
 *   response.setHeader('content-type', 'text/plain; version=0.0.4')
 *   response.end(await prometheusText(queue))
 * }).listen(9464)
 * ```
 *
 * | metric | kind | meaning |
 * |---|---|---|
 * | `durabl_oldest_due_age_seconds{type}` | gauge | the time since the oldest due job became due; 0 if none is due |
 * | `durabl_jobs{type,status}` | gauge | stored jobs: `pending`, `blocked` by a held key, `active`, `failed` |
 * | `durabl_completed_jobs` | gauge | stored completed jobs of all types, an estimate |
 * | `durabl_jobs_ended_total{type,ending}` | counter | ended jobs, by ending |
 * | `durabl_attempts_failed_total{type}` | counter | failed attempts |
 * | `durabl_run_duration_seconds{type}` | histogram | durations of handlers |
 * | `durabl_wait_duration_seconds{type}` | histogram | waits of jobs from when they were due until they were claimed |
 * | `durabl_workers{type}` | gauge | processes with a processor of the type, 0 included |
 * | `durabl_schedule_overdue_seconds{schedule}` | gauge | the time since the next occurrence was due |
 *
 * Counters and histograms restart every six hours, at 0:00, 6:00, 12:00 and 18:00 UTC. `rate()` and `increase()` handle such restarts.
 * Histograms have no sum. Numbers are as old as the shared counts behind them; see {@link JobQueue.counts}. Metrics that the backend can't
 * provide are left out.
 *
 * @throws TypeError if the argument is not a queue; {@link DurablError} if the server can't be asked
 */
export function prometheusText(queue: Pick<JobQueue<any>, 'backend'>): Promise<string>
