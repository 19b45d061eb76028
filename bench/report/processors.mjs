/** Processor time as a bound: what worker and server need per job, and how many jobs that leaves room for. */

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

/** The number of processors that were kept busy. */
export const inUse = (contestant) =>
  ofRounds(contestant, ({ rate, cpu, serverCpu }) => (rate * (cpu + serverCpu)) / 1e6)

/** Jobs a second if all processors were busy all the time, at the same cost per job. */
export const allowed = (contestant, processors) =>
  ofRounds(contestant, ({ cpu, serverCpu }) => (processors * 1e6) / (cpu + serverCpu))
