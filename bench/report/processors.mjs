/** Processor time as a bound: what worker and server need per job, and how many jobs that leaves room for. */
import { spread } from '../statistics.mjs'
import { each } from './series.mjs'

/** The number of processors that a section was measured on. */
export const processorsOf = ({ about }) => parseInt(about.machine.cpus, 10)

/** A figure made of each round; null where the server's processor time could not be had. */
function ofRounds(contestant, make) {
  const rounds = contestant?.rounds ?? []
  const isComplete = rounds.length > 0 && rounds.every(({ cpu, serverCpu }) => cpu && serverCpu)
  return isComplete ? rounds.map(make) : null
}

/** Microseconds per job of worker and server together. */
export const spent = (contestant) => ofRounds(contestant, ({ cpu, serverCpu }) => cpu + serverCpu)

/** How many processors were kept busy. */
export const inUse = (contestant) =>
  ofRounds(contestant, ({ rate, cpu, serverCpu }) => (rate * (cpu + serverCpu)) / 1e6)

/** Jobs a second if all processors were busy all the time, at the same cost per job. */
export const allowed = (contestant, processors) =>
  ofRounds(contestant, ({ cpu, serverCpu }) => (processors * 1e6) / (cpu + serverCpu))

/**
 * What a job of durabl's costs, in microseconds: the server's part, the worker's, and how much of the latter is Node.js, which is
 * what the same engine does without. Null where something is missing.
 */
export function shares(durabl, engine) {
  const total = spent(durabl)
  if (!total || !spent(engine)) return null
  const median = (values) => spread(values).median
  const worker = median(each(durabl, 'cpu'))
  const alone = median(each(engine, 'cpu'))
  return {
    ...{ total: median(total), server: median(each(durabl, 'serverCpu')), worker },
    ...{ engine: alone, node: worker - alone },
  }
}
