/** The history of a job, from its beginning to its end or to now. */
import type { ComponentChildren } from 'preact'
import type { JobPage } from '../wire'
import { length, visible } from './format'
import { Time } from './parts'

interface Event {
  /** None for what no moment is known of. */
  at?: number | null
  tone: string
  title: string
  within?: ComponentChildren
}

export function Timeline({ job }: { job: JobPage }) {
  return (
    <ol class="timeline">
      {eventsOf(job).map(({ at, tone, title, within }, index) => (
        <li key={index} class={tone}>
          <span class="title">{title}</span> {at !== undefined && <Time at={at} isLong />}
          {within}
        </li>
      ))}
    </ol>
  )
}

function eventsOf(job: JobPage): Event[] {
  const { createdAt, runAt, status } = job
  const events: Event[] = [{ at: createdAt, tone: 'past', title: 'Enqueued' }]
  const isLater = createdAt !== null && runAt !== null && runAt - createdAt > 1000 && job.attempt <= 1
  if (isLater) events.push({ at: runAt, tone: 'past', title: 'Due' })
  // `errors` has the newest first or last, as the store has it; here it is by attempt and time.
  const errors = [...job.errors].sort((a, b) => (a.at ?? 0) - (b.at ?? 0))
  if (errors.length > 0 && (errors[0]?.attempt ?? 0) > 1)
    events.push({ tone: 'past', title: 'Earlier attempts, whose errors are not kept' })
  for (const { attempt, at, reason, stack, worker } of errors) {
    events.push({
      ...{ at, tone: 'bad', title: `Attempt ${attempt} failed` },
      within: (
        <>
          {worker && <span class="faint"> on {worker}</span>}
          <p class="reason">{visible(reason)}</p>
          {stack && (
            <details>
              <summary>Stack</summary>
              <pre class="code" tabIndex={0}>
                {visible(stack)}
              </pre>
            </details>
          )}
        </>
      ),
    })
  }
  if (errors.length === 0 && job.failReason !== null) {
    events.push({
      at: job.endedAt,
      tone: 'bad',
      title: 'Failed',
      within: <p class="reason">{visible(job.failReason)}</p>,
    })
  }
  if (job.cancelRequestedAt !== null)
    events.push({ at: job.cancelRequestedAt, tone: 'warn', title: 'Asked to stop' })
  events.push(...ends(job, status))
  return events
}

function ends(job: JobPage, status: string): Event[] {
  const { claimedAt, endedAt, runAt } = job
  const took = claimedAt !== null && endedAt !== null && endedAt >= claimedAt && (
    <span class="faint"> after {length(endedAt - claimedAt)}</span>
  )
  if (status === 'pending') {
    const isRetry = job.attempt > 0
    return [{ at: runAt, tone: 'now', title: isRetry ? `Attempt ${job.attempt + 1} is due` : 'Waits; due' }]
  }
  if (status === 'active') {
    return [{ at: claimedAt, tone: 'now', title: `Attempt ${job.attempt} runs; claimed or renewed` }]
  }
  if (status === 'completed')
    return [{ at: endedAt, tone: 'good', title: `Completed in attempt ${job.attempt}`, within: took }]
  if (status === 'superseded')
    return [{ at: endedAt, tone: 'past', title: 'Superseded by a newer job of its key' }]
  return [{ at: endedAt, tone: 'bad', title: ENDINGS[job.ending ?? ''] ?? 'Failed for good' }]
}

const ENDINGS: Readonly<Record<string, string>> = {
  exhausted: 'Failed: no attempt is left',
  fatal: 'Failed for good, by its handler',
  cancelled: 'Cancelled',
  expired: 'Expired before it could start',
}
