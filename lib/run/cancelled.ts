import { DurablError } from '../base/errors'
import type { Job } from '../types'

/** The reason for the abort of a run's signal whose job is to be cancelled. */
export function cancelledError({ id }: Job<any>, reason: string | null): DurablError {
  return new DurablError(
    'ERR_DURABL_CANCELLED',
    `job ${id} was cancelled${reason === null ? '' : `: ${reason}`}`,
  )
}
