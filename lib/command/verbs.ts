/** All verbs, in the order of the help. */
import type { Verb } from './tools/verb'
import { doctor } from './verbs/doctor'
import { startup } from './verbs/startup'
import { stats } from './verbs/stats'
import { get, list } from './verbs/look'
import { cancel, promote, remove, reschedule, retry } from './verbs/steer'
import { pause, resume } from './verbs/pause'
import { schedules } from './verbs/schedules'
import { tail } from './verbs/tail'
import { dashboard } from './verbs/dashboard'

export const VERBS: readonly Verb[] = [
  ...[doctor, startup, stats, list, get, retry, cancel, promote, reschedule, remove],
  ...[pause, resume, schedules, tail, dashboard],
]
