/** Ends of steps: as they are answered, as they are recorded, and errors that are ends of the run. */
import { types } from 'node:util'
import { FatalJobError } from '../base/errors'
import { isFatalOrchestrationError } from '../base/orchestration-errors'
import { isError, isInstance, reasonOf } from '../base/reason'
import { damaged } from '../journal/records'
import { decodeResult } from '../journal/result'
import type { StepFailure, StepRecord } from '../types'

export function resultOf({ result }: StepRecord): unknown {
  return decodeResult(result)
}

export function answerOf(record: StepRecord): Promise<unknown> {
  return record.error === undefined
    ? Promise.resolve(resultOf(record))
    : Promise.reject(asError(record.error))
}

export function valueOf(record: StepRecord): unknown {
  return record.error === undefined
    ? { status: 'ok', value: resultOf(record) }
    : { status: 'failed', error: record.error }
}

export function asError({ name, message, code }: StepFailure): Error {
  const error = new Error(message)
  error.name = name
  return code === undefined ? error : Object.assign(error, { code })
}

export function failureOf(error: unknown): StepFailure {
  const failure: StepFailure = { name: 'Error', message: reasonOf(error) }
  if (!isError(error)) return failure
  if (typeof error.name === 'string') failure.name = error.name
  if (typeof error.message === 'string' && error.message !== '') failure.message = error.message
  const { code } = error as { code?: unknown }
  if (typeof code === 'string') failure.code = code
  return failure
}

export function isFatal(error: unknown): boolean {
  return isInstance(error, FatalJobError) || isFatalOrchestrationError(error)
}

export function isLeaseLost(error: unknown): boolean {
  return isError(error) && (error as { code?: unknown }).code === 'ERR_DURABL_LEASE_LOST'
}

export function isShutDown(error: unknown): boolean {
  return isError(error) && (error as { code?: unknown }).code === 'ERR_DURABL_SHUT_DOWN'
}

/** The end of a sleep, or of a wait between two tries, in milliseconds since the epoch. @throws DurablError if its record doesn't tell */
export function endOfWait(jobId: string, { name, result }: StepRecord): number {
  const moment = types.isDate(result) ? result.getTime() : NaN
  if (Number.isNaN(moment))
    throw damaged(jobId, `the record of the wait ${JSON.stringify(name)} has no moment`)
  return moment
}

export function described({ name, kind }: StepRecord): string {
  return kindOf(name, kind)
}

export function kindOf(name: string, kind: string | undefined): string {
  return kind === undefined ? name : `${kind} ${name}`
}

export function shown(name: string): string {
  return `step ${JSON.stringify(name)}`
}
