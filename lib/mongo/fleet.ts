/** The workers of a collection as one. */
import type { PauseResult, ResumeResult } from '../types'
import * as check from '../validate/backend'
import { reasonOfPause } from '../validate/fleet'
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
