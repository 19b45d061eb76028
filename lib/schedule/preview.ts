import { later } from '../base/later'
import type { PreviewOptions, ScheduleSpec } from '../types'
import type * as Spec from './spec'

const spec = later(() => require('./spec') as typeof Spec)

/** Occurrences of a schedule that may not exist yet; documented in the public types. */
export function previewSchedule(schedule: ScheduleSpec, options?: PreviewOptions): Date[] {
  return spec().previewSchedule(schedule, options)
}
