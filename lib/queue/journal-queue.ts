import { assertJournalCapable, journalOf } from '../backend/journal'
import type {
  AppendStepOptions,
  AppendStepResult,
  CompleteClaimedResult,
  HeartbeatClaimedResult,
  StepRecord,
} from '../types'
import { MakingQueue } from './making-queue'

/** The journals of orchestrations. */
export abstract class JournalQueue extends MakingQueue {
  assertJournalCapable(): void {
    assertJournalCapable(this.backend)
  }

  async readSteps(jobId: string): Promise<StepRecord[]> {
    this.assertNotClosed()
    return journalOf(this.backend, 'readSteps').readSteps(jobId)
  }

  async appendStep(
    jobId: string,
    claimToken: string,
    record: StepRecord,
    options?: AppendStepOptions,
  ): Promise<AppendStepResult> {
    this.assertNotClosed()
    return journalOf(this.backend, 'appendStep').appendStep(jobId, claimToken, record, options)
  }

  async completeClaimed(jobId: string, claimToken: string): Promise<CompleteClaimedResult> {
    this.assertNotClosed()
    return journalOf(this.backend, 'completeClaimed').completeClaimed(jobId, claimToken)
  }

  async heartbeatClaimed(jobId: string, claimToken: string): Promise<HeartbeatClaimedResult> {
    this.assertNotClosed()
    return journalOf(this.backend, 'heartbeatClaimed').heartbeatClaimed(jobId, claimToken)
  }
}
