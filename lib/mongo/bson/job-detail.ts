/** Stored jobs as lists and details show them: with their endings, and never with a claim token. */
import { endingOf, workerOf } from '../../backend/ending'
import type { JobDetail, JobEnd, JobError, JobStatus, JobSummary } from '../../types'
import type { Codec } from './codec'
import { date, fieldsOf, number, text, toJob, toLogs } from './job-document'

type Fields = Record<string, unknown>

/** One stored job of a list: it comes without its payload. */
export function decodeSummary(bytes: Uint8Array, codec: Codec): JobSummary {
  const document: Fields = codec.bson.deserialize(bytes, codec.reading)
  return toSummary(document, codec)
}

/** One stored job, whole. */
export function decodeDetail(bytes: Uint8Array, codec: Codec): JobDetail<any> {
  const document: Fields = codec.bson.deserialize(bytes, codec.reading)
  const detail: JobDetail<any> = {
    ...toSummary(document, codec),
    data: document.data,
    logs: toLogs(document.logs, codec),
    errors: toErrors(document.errors, codec),
  }
  if (document.progress !== undefined) detail.progress = document.progress
  if (document.result !== undefined) detail.result = document.result
  if (document.timeoutMs != null) detail.timeoutMs = number(document.timeoutMs, 0)
  if (document.cancelReason != null) detail.cancelReason = text(document.cancelReason)!
  return detail
}

/** One stored job, with the parts that a caller of `waitFor` needs. */
export function decodeEnd(bytes: Uint8Array, codec: Codec): JobEnd {
  const document: Fields = codec.bson.deserialize(bytes, codec.reading)
  const status = document.status as JobStatus
  const end: JobEnd = { id: text(document._id) ?? '', status }
  const ending = endingIn(document)
  if (ending !== undefined) end.ending = ending
  if (document.failReason != null) end.failReason = text(document.failReason)!
  if (document.result !== undefined) end.result = document.result
  return end
}

function toSummary(document: Fields, codec: Codec): JobSummary {
  const { claimToken, ...job } = toJob(document, codec)
  const summary: JobSummary & { data?: unknown } = job
  delete summary.data
  const ending = endingIn(document)
  if (ending !== undefined) summary.ending = ending
  const worker = workerOf(claimToken)
  if (worker !== undefined) summary.worker = worker
  const { cancelRequestedAt, expiresAt } = document
  if (cancelRequestedAt != null) summary.cancelRequestedAt = date(cancelRequestedAt)!
  if (expiresAt != null) summary.expiresAt = date(expiresAt)!
  return summary
}

function endingIn({ status, ending, attempt, maxAttempts }: Fields) {
  return endingOf(status as JobStatus, text(ending), number(attempt, 0), number(maxAttempts, 3))
}

function toErrors(errors: unknown, codec: Codec): JobError[] {
  if (!Array.isArray(errors)) return []
  return errors.map((entry: unknown) => {
    const { attempt, at, reason, stack, worker } = fieldsOf(entry, codec)
    const error: JobError = {
      attempt: number(attempt, 0),
      at: date(at) ?? new Date(0),
      reason: text(reason) ?? '',
    }
    if (stack != null) error.stack = text(stack)!
    if (worker != null) error.worker = text(worker)!
    return error
  })
}
