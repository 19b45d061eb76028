/**
 * Shapes of the JSON API, used by the server and by the page. Moments are milliseconds since 1970, so that the page can show them in
 * either time zone.
 */

/** A number of jobs, and how sure it is. */
export interface Count {
  readonly count: number
  readonly precision: 'exact' | 'at-least' | 'estimate'
}

/** Facts about the dashboard and its user, sent once. */
export interface Meta {
  readonly title: string
  readonly badge: string | null
  readonly version: string
  readonly queues: readonly string[]
  readonly user: string | null
  readonly actions: readonly string[]
  readonly canEdit: boolean
  /** True if the user may see the acts of all users. */
  readonly seesActions: boolean
}

/** One type on the overview. */
export interface TypeRow {
  readonly type: string
  readonly pending: Count
  readonly due: Count
  readonly blocked: Count
  readonly active: Count
  readonly failed: Count
  /** The `runAt` of its oldest due job. */
  readonly oldestDueAt: number | null
  readonly isPaused: boolean
  /** Workers with a processor of it, and the jobs that they run at once. */
  readonly workers: number
  readonly slots: number
  /** Jobs completed in the last hour, by minute, oldest first. */
  readonly completed: readonly number[]
  readonly failures: readonly number[]
  readonly p95RunMs: number | null
  readonly p95WaitMs: number | null
  /** The wait before a start in each ten minutes of the last hour. */
  readonly waits: readonly (number | null)[]
}

export interface WorkerRow {
  readonly id: string
  readonly host: string
  readonly pid: number | null
  readonly versions: Readonly<Record<string, string>>
  readonly types: readonly { readonly type: string; readonly concurrency: number; readonly active: number }[]
  readonly startedAt: number | null
  readonly seenAt: number | null
}

export interface ScheduleRow {
  readonly id: string
  readonly type: string
  readonly status: 'running' | 'paused' | 'ended'
  readonly cron: string | null
  readonly everyMs: number | null
  readonly timezone: string
  readonly owner: string | null
  readonly nextAt: number | null
  readonly lastAt: number | null
  readonly overlap: string
  readonly missed: string
  readonly skipped: readonly number[]
  /** The next five occurrences. */
  readonly next: readonly number[]
}

/** A thing that an operator should know. */
export interface Warning {
  readonly kind: 'no-worker' | 'paused' | 'overdue' | 'retention' | 'versions' | 'unsupported'
  /** The type that it is about; null if it is about the whole. */
  readonly type: string | null
  /** A name in front of the text, or an empty one. */
  readonly subject: string
  readonly text: string
}

/** The live numbers that the pages follow. */
export interface Live {
  readonly at: number
  readonly countsAt: number | null
  readonly completedTotal: number | null
  readonly types: readonly TypeRow[]
  readonly workers: readonly WorkerRow[]
  readonly schedules: readonly ScheduleRow[]
  readonly warnings: readonly Warning[]
}

/** A longer look at one type. */
export interface History {
  readonly from: number
  readonly stepMs: number
  readonly completed: readonly number[]
  readonly failures: readonly number[]
  readonly runs: readonly (number | null)[]
  readonly waits: readonly (number | null)[]
}

/** A job in a list. */
export interface JobRow {
  readonly id: string
  readonly type: string
  readonly status: string
  readonly ending: string | null
  readonly attempt: number
  readonly maxAttempts: number
  readonly priority: number
  readonly dedupeKey: string | null
  readonly runAt: number | null
  readonly createdAt: number | null
  readonly claimedAt: number | null
  readonly endedAt: number | null
  readonly failReason: string | null
  readonly worker: string | null
}

export interface JobList {
  readonly jobs: readonly JobRow[]
  readonly next: string | null
  readonly looked: number
  readonly status: 'complete' | 'stopped'
}

/** A value as text: relaxed EJSON, indented. */
export interface Shown {
  readonly text: string
  readonly bytes: number
  readonly isCut: boolean
  readonly hasMasked: boolean
}

export interface JobPage extends JobRow {
  readonly dedupeScope: string | null
  readonly data: Shown
  readonly result: Shown | null
  readonly progress: Shown | null
  readonly errors: readonly {
    readonly attempt: number
    readonly at: number | null
    readonly reason: string
    readonly stack: string | null
    readonly worker: string | null
  }[]
  readonly logs: readonly { readonly at: number; readonly message: string }[]
  readonly schedule: { readonly id: string; readonly occurrenceAt: number } | null
  readonly cancelRequestedAt: number | null
  readonly expiresAt: number | null
  readonly timeoutMs: number | null
  /** Id of the trace in which it was made, to be looked up where traces are kept. */
  readonly traceId: string | null
  /** The job that holds the key, if it blocks this one. */
  readonly holder: string | null
}

export interface FailureGroup {
  readonly reason: string
  readonly example: string
  readonly type: string
  readonly count: number
  readonly firstAt: number | null
  readonly lastAt: number | null
  readonly ids: readonly string[]
}

export interface Failures {
  readonly at: number
  readonly looked: number
  readonly isWhole: boolean
  readonly groups: readonly FailureGroup[]
}

/** An act of a user. */
export interface ActionRow {
  readonly id: string
  readonly at: number | null
  readonly by: string | null
  readonly action: string
  readonly target: string | null
  readonly note: string | null
}

export interface ActionList {
  readonly actions: readonly ActionRow[]
  readonly next: string | null
}

/** The body of a request to act. */
export interface ActRequest {
  readonly action: string
  readonly queue?: string
  readonly mode?: 'run' | 'preview'
  readonly id?: string
  readonly ids?: readonly string[]
  readonly filter?: JobFilter
  readonly after?: string
  readonly type?: string
  readonly reason?: string
  /** Relaxed EJSON. */
  readonly data?: string
  readonly delay?: number
  readonly priority?: number
  /** A moment: when to run, or which occurrence to skip. */
  readonly at?: number
}

/** A choice of jobs. `value` is JSON, or else a string. */
export interface JobFilter {
  readonly status: string
  readonly type?: string
  readonly dedupeKey?: string
  readonly path?: string
  readonly value?: string
}

export interface ActReply {
  readonly status: string
  readonly matched?: number
  readonly changed?: number
  readonly skipped?: number
  readonly next?: string | null
  readonly id?: string
  readonly jobStatus?: string
  readonly terminalStatus?: string
}

/** The body of an answer that is no 2xx. */
export interface Refusal {
  readonly error: string
  readonly message: string
  readonly redirect?: string
}
