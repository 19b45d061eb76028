/** Laws of schedules: each occurrence makes one job, in its time, whatever becomes of the processes that make it. */
import { groupBy } from '../history/jobs.mjs'

/** The oplog's clock may lag behind so far, and nothing in a new job is dated exactly. */
const LAG_MS = 100

/** Also a job that is made once more after it was removed. */
const isMade = ({ before }) => before === null || before.status === 'removed'

/** The jobs of occurrences, each with its schedule and its moment. */
function occurrencesIn(jobs) {
  const made = [...jobs.values()].filter(({ created }) => created.schedule)
  return made.map((job) => {
    const { id, occurrenceAt } = job.created.schedule
    return { job, id, moment: new Date(occurrenceAt).getTime() }
  })
}

/** The moments at which a schedule has to have come: from when its call was answered until all had caught up. */
function* momentsOf({ stepMs, wall }, over) {
  for (let moment = (Math.floor(wall / stepMs) + 1) * stepMs; moment <= over; moment += stepMs) yield moment
}

export const occurrencesComeOnce = {
  says: 'an occurrence of a schedule makes one job at most, not before its time, and nothing else does',
  *broken({ jobs, schedules }) {
    const occurrences = occurrencesIn(jobs)
    for (const [name, of] of groupBy(occurrences, ({ id, moment }) => `${id} at ${moment}`)) {
      const made = of.flatMap(({ job }) => job.steps.filter(isMade))
      if (made.length > 1) yield [`schedule ${name} came ${made.length} times`, ...made]
    }
    const schedulesBy = new Map(schedules.map((schedule) => [schedule.id, schedule]))
    for (const { job, id, moment } of occurrences) {
      const early = job.created.runAt - job.steps[0].at
      if (early > LAG_MS) yield [`schedule ${id} came ${Math.round(early)} ms before ${moment}`, job.steps[0]]
      const schedule = schedulesBy.get(id)
      if (!schedule || moment % schedule.stepMs !== 0)
        yield [`schedule ${id} has no occurrence at ${moment}`, job.steps[0]]
    }
  },
}

export const occurrencesAreMadeUpFor = {
  says: 'a schedule that has to make up for all that it has missed leaves no occurrence out',
  *broken({ jobs, schedules, schedulesOver }) {
    const made = groupBy(occurrencesIn(jobs), ({ id }) => id)
    for (const schedule of schedules.filter(({ spec }) => spec.missed === 'all')) {
      const there = new Set(made.get(schedule.id)?.map(({ moment }) => moment))
      for (const moment of momentsOf(schedule, schedulesOver))
        if (!there.has(moment)) yield [`schedule ${schedule.id} did not come at ${moment}`, schedule]
    }
  },
}
