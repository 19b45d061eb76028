/** The state of a queue for monitoring. */
import type { DurablError } from './errors.js'
import type { JobQueue } from './queue.js'

/**
 * The state of a queue in the text format of Prometheus: cluster-wide, the same from every process, and there without any worker, so that
 * an autoscaler can start the first one.
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
 * | `durabl_oldest_due_age_seconds{type}` | gauge | how long the oldest due job has been due; 0 if none is |
 * | `durabl_jobs{type,status}` | gauge | stored jobs: `pending`, `blocked` by a held key, `active`, `failed` |
 * | `durabl_completed_jobs` | gauge | stored completed jobs of all types, an estimate |
 * | `durabl_jobs_ended_total{type,ending}` | counter | jobs that ended, by how |
 * | `durabl_attempts_failed_total{type}` | counter | attempts that failed |
 * | `durabl_run_duration_seconds{type}` | histogram | how long handlers ran |
 * | `durabl_wait_duration_seconds{type}` | histogram | how long after their time jobs were claimed |
 * | `durabl_workers{type}` | gauge | processes with a processor of the type, 0 included |
 * | `durabl_schedule_overdue_seconds{schedule}` | gauge | how long ago the next occurrence should have come |
 *
 * Counters and histograms begin anew every six hours, at 0:00, 6:00, 12:00 and 18:00 UTC, as `rate()` and `increase()` expect of a counter
 * that restarts. Histograms have no sum. Numbers are as old as the shared counts that they come from. Parts that the backend can't tell are
 * left out.
 *
 * @throws TypeError if it is no queue; {@link DurablError} if the server can't be asked
 */
export function prometheusText(queue: Pick<JobQueue<any>, 'backend'>): Promise<string>
