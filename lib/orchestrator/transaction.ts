/** Steps in transactions, on the run of their job. */
import { LeaseLostError } from '../base/errors'
import { OrchestrationUnsupportedError } from '../base/orchestration-errors'
import { journalOf } from '../backend/journal'
import { RunContext } from '../run/context'
import type { AppendStepOptions, Job, JobContext, JobQueue, StepRecord } from '../types'
import type { TransactionStep } from './host'

/** Thrown to abort a transaction whose step is recorded already. */
class Recorded extends Error {
  constructor(readonly existing: StepRecord) {
    super('the step is recorded already')
  }
}

/** Resolves to the record that was there before; null if it was made. */
export async function transactStep(
  { backend }: JobQueue<any>,
  job: Job<any>,
  claimToken: string,
  ctx: JobContext,
  step: TransactionStep,
  options: AppendStepOptions | undefined,
): Promise<StepRecord | null> {
  const tools = RunContext.ownRun(ctx)?.tools
  if (tools?.record === undefined) {
    throw new OrchestrationUnsupportedError('transaction', 'the queue does not manage the run of this job')
  }
  try {
    await tools.record(
      {
        work: (session) => step.work(session),
        write: async (session) => {
          const { appendStep } = journalOf(backend, 'appendStep')
          const record = step.record()
          const appended = await appendStep.call(backend, job.id, claimToken, record, { ...options, session })
          if (appended.status === 'already-recorded') throw new Recorded(appended.existing)
          if (appended.status === 'lease-lost')
            throw new LeaseLostError('ERR_DURABL_LEASE_LOST', `the lease of job ${job.id} is lost`)
        },
        isRecorded: () => isRecorded(backend, job.id, step),
      },
      step.options,
    )
    return null
  } catch (error) {
    if (error instanceof Recorded) return error.existing
    throw error
  }
}

async function isRecorded(
  backend: JobQueue<any>['backend'],
  jobId: string,
  { place }: TransactionStep,
): Promise<boolean> {
  const records = await journalOf(backend, 'readSteps').readSteps(jobId)
  return records.some(({ seq, path }) => seq === place.seq && (path ?? '') === place.path)
}
