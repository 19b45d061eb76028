/** Enqueues that are made in one turn of the event loop cross over to the engine together: a crossing costs more than a job. */
import { afterMicrotasks } from '../../base/timers'
import type {
  NativeEngine,
  NativeEnqueued,
  NativeFailure,
  NativeHandedOff,
  NativeHolder,
  NativeNewJob,
  NativeNewJobs,
  Reply,
} from './addon'

/** A batch is closed at this many jobs or bytes: a small job should not wait while large ones are written. */
const FULL = 1000
const FULL_BYTES = 1024 * 1024

/** The fate of one job. */
export type Enqueued =
  | { readonly id: string; readonly holder: null }
  | { readonly id: null; readonly holder: NativeHolder | null }
  | { readonly failure: NativeFailure }

class Batch {
  readonly jobs: NativeNewJob[] = []
  readonly reply: Promise<Reply<NativeEnqueued>>
  private bytes = 0

  constructor(send: (batch: Batch) => Promise<Reply<NativeEnqueued>>) {
    this.reply = new Promise((resolve, reject) => {
      // No call waits for others: by then all callers of this turn have added their jobs.
      afterMicrotasks(() => void send(this).then(resolve, reject))
    })
  }

  /** The job's place. */
  add(job: NativeNewJob): number {
    this.bytes += job.payload.length
    return this.jobs.push(job) - 1
  }

  get isFull(): boolean {
    return this.jobs.length >= FULL || this.bytes >= FULL_BYTES
  }
}

export class EnqueueBatches {
  private open: Batch | null = null

  /** @param start starts the jobs that the engine has claimed already, after their calls have their answers */
  constructor(
    private readonly native: Pick<NativeEngine, 'enqueueMany'>,
    private readonly start: (jobs: readonly NativeHandedOff[]) => void,
  ) {}

  async enqueue(job: NativeNewJob): Promise<Enqueued> {
    const batch = (this.open ??= new Batch((batch) => this.send(batch)))
    const place = batch.add(job)
    if (batch.isFull) this.open = null
    return placed(await batch.reply, place)
  }

  private async send(batch: Batch): Promise<Reply<NativeEnqueued>> {
    if (this.open === batch) this.open = null
    const reply = await this.native.enqueueMany(grouped(batch.jobs))
    this.start(reply.value?.handedOff ?? [])
    return reply
  }
}

/** The fate of the job in this place. */
export function placed({ value, failure }: Reply<NativeEnqueued>, place: number): Enqueued {
  if (failure !== null) return { failure }
  const id = value.ids[place] ?? null
  if (id !== null) return { id, holder: null }
  const isIts = ({ index }: { index: number }) => index === place
  const failed = value.failures.find(isIts)
  return failed === undefined
    ? { id, holder: value.holders.find(isIts) ?? null }
    : { failure: failed.failure }
}

/** The same jobs in the same order, their settings only once if neighbours share them. */
export function grouped(jobs: readonly NativeNewJob[]): NativeNewJobs[] {
  const groups: NativeNewJobs[] = []
  let start = 0
  for (let end = 1; end <= jobs.length; end += 1) {
    if (end < jobs.length && areAlike(jobs[start]!, jobs[end]!)) continue
    groups.push(group(jobs.slice(start, end)))
    start = end
  }
  return groups
}

function group(jobs: readonly NativeNewJob[]): NativeNewJobs {
  const { settings } = jobs[0]!
  return {
    settings,
    ids: jobs[0]!.id === null ? null : jobs.map(({ id }) => id ?? ''),
    dedupeKeys: settings.dedupeScope === null ? null : jobs.map(({ dedupeKey }) => dedupeKey ?? ''),
    traces: jobs[0]!.trace === null ? null : jobs.map(({ trace }) => trace ?? ''),
    payloads: jobs.length === 1 ? jobs[0]!.payload : Buffer.concat(jobs.map(({ payload }) => payload)),
  }
}

function areAlike(
  { settings: a, id: idOfA, trace: traceOfA }: NativeNewJob,
  { settings: b, id: idOfB, trace: traceOfB }: NativeNewJob,
): boolean {
  return (
    (idOfA === null) === (idOfB === null) &&
    (traceOfA === null) === (traceOfB === null) &&
    a.type === b.type &&
    a.priority === b.priority &&
    a.delayMs === b.delayMs &&
    a.runAtMs === b.runAtMs &&
    a.maxAttempts === b.maxAttempts &&
    a.dedupeScope === b.dedupeScope &&
    a.coalesceLatest === b.coalesceLatest &&
    a.dedupeForMs === b.dedupeForMs &&
    a.detailed === b.detailed &&
    a.timeoutMs === b.timeoutMs &&
    a.expiresInMs === b.expiresInMs &&
    a.backoff === b.backoff &&
    a.backoffDelayMs === b.backoffDelayMs &&
    a.backoffMaxDelayMs === b.backoffMaxDelayMs
  )
}
