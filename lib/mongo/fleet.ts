/** The workers of a collection as one. */
import { historyOf } from '../backend/history'
import type { HourDocument } from '../backend/history'
import type {
  ActionRecord,
  PauseResult,
  QueueCounts,
  QueueHistory,
  RecordResult,
  ResumeResult,
  RetentionOptions,
  TypeCounts,
  WorkerInfo,
} from '../types'
import * as check from '../validate/backend'
import {
  normalizeAction,
  normalizeActions,
  normalizeHistory,
  reasonOfPause,
  typeOfCounts,
} from '../validate/fleet'
import type { OpenCollection } from './open-collection'

export async function pause(opened: OpenCollection, type: unknown, options: unknown): Promise<PauseResult> {
  const checked = check.checkType('pause', type)
  const reason = reasonOfPause(options)
  opened.refuseUnusable()
  const hasChanged = await opened.engine.call((native) => native.pauseType(checked, reason))
  return { status: hasChanged ? 'paused' : 'unchanged' }
}

export async function resume(opened: OpenCollection, type: unknown): Promise<ResumeResult> {
  const checked = check.checkType('resume', type)
  opened.refuseUnusable()
  const hasChanged = await opened.engine.call((native) => native.resumeType(checked))
  return { status: hasChanged ? 'resumed' : 'unchanged' }
}

export async function counts(opened: OpenCollection, options: unknown): Promise<QueueCounts> {
  const type = typeOfCounts(options)
  opened.refuseUnusable()
  const bytes = await opened.engine.call((native) => native.counts())
  const { at, completedTotal, types } = read<QueueCounts>(opened, bytes)
  return {
    at,
    completedTotal,
    types: types.filter((counted: TypeCounts) => type === null || counted.type === type),
  }
}

interface WorkerDocument extends Omit<WorkerInfo, 'id' | 'retention'> {
  _id: string
  retention: (Record<string, number> & { types: ({ type: string } & Record<string, number>)[] }) | null
}

export async function listWorkers(opened: OpenCollection): Promise<WorkerInfo[]> {
  opened.refuseUnusable()
  const found = await opened.engine.call((native) => native.listWorkers())
  return found.map((bytes) => {
    const { _id, host, pid, versions, types, retention, startedAt, seenAt } = read<WorkerDocument>(
      opened,
      bytes,
    )
    const id = _id.slice('worker:'.length)
    return { id, host, pid, versions, types, retention: retentionOf(retention), startedAt, seenAt }
  })
}

function retentionOf(stored: WorkerDocument['retention']): RetentionOptions | null {
  if (stored === null) return null
  const { types, ...periods } = stored
  if (types.length === 0) return periods
  // A type may have the name of anything that objects inherit.
  return { ...periods, types: Object.fromEntries(types.map(({ type, ...own }) => [type, own])) }
}

export async function history(opened: OpenCollection, query: unknown): Promise<QueueHistory> {
  const range = normalizeHistory(query)
  opened.refuseUnusable()
  const { type, fromMs, toMs } = range
  const found = await opened.engine.call((native) => native.history(type, fromMs, toMs))
  return historyOf(
    found.map((bytes) => read<HourDocument>(opened, bytes)),
    range,
  )
}

export async function recordAction(opened: OpenCollection, action: unknown): Promise<RecordResult> {
  const checked = normalizeAction(action)
  opened.refuseUnusable()
  return { status: 'recorded', id: await opened.engine.call((native) => native.recordAction(checked)) }
}

export async function listActions(opened: OpenCollection, query: unknown): Promise<ActionRecord[]> {
  const { limit, before } = normalizeActions(query)
  opened.refuseUnusable()
  const found = await opened.engine.call((native) => native.listActions(before, limit))
  return found.map((bytes) => {
    const { _id, at, by, action, target, note } = read<Omit<ActionRecord, 'id'> & { _id: string }>(
      opened,
      bytes,
    )
    return { id: _id.slice('action:'.length), at, by, action, target, note }
  })
}

/** One of the side collection's documents, which the app's own options for BSON do not concern. */
function read<T>(opened: OpenCollection, bytes: Uint8Array): T {
  return opened.codec.bson.deserialize(bytes) as T
}
