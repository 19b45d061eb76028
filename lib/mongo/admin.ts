/** The beginning and the end of a backend, and the upkeep of its collection. */
import { DurablError } from '../base/errors'
import { fromCaller } from '../base/stack'
import * as check from '../validate/backend'
import { checkShutdownTimeout } from '../validate/queue'
import type { DriverCollection } from '../types'
import type { OpenCollection } from './open-collection'

export async function startup(opened: OpenCollection): Promise<void> {
  opened.refuseUnusable()
  opened.reminder.started()
  await opened.engine.call((native) => native.startup())
}

export async function shutdown(opened: OpenCollection, timeoutMs: number | undefined): Promise<void> {
  await opened.engine.shutdown(checkShutdownTimeout('shutdown', timeoutMs))
}

export async function resetStorage(opened: OpenCollection): Promise<void> {
  opened.refuseUnusable()
  await opened.engine.call((native) => native.resetStorage())
}

export async function recoverStuckJobs(
  opened: OpenCollection,
  visibilityTimeoutMs: number | undefined,
  maxPerSweep: number | undefined,
): Promise<number> {
  const recovery = check.normalizeRecovery(visibilityTimeoutMs, maxPerSweep)
  opened.refuseUnusable()
  const { handled } = await opened.engine.call((native) =>
    native.recoverStuckJobs(recovery.visibilityTimeoutMs, recovery.maxPerSweep),
  )
  return handled
}

export async function cleanupOldJobs(opened: OpenCollection, maxAgeMs: number | undefined): Promise<number> {
  const age = check.checkMaxAge(maxAgeMs)
  opened.refuseUnusable()
  return opened.engine.call((native) => native.cleanupOldJobs(age))
}

/** The collection, by the app's own client. */
export function collectionOf(opened: OpenCollection): DriverCollection {
  const db = opened.db()
  if (db === null) {
    throw fromCaller(
      new DurablError(
        'ERR_DURABL_UNSUPPORTED',
        'getCollection: a MongoJobQueue made with { uri } has no client of the app: make one, and use client.db(…).collection(…)',
      ),
    )
  }
  return db.collection(opened.settings.collectionName)
}
