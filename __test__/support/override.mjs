const CONTRACT = [
  ...['enqueue', 'claimOrEnqueue', 'claimNext', 'claimNextByKey', 'complete', 'fail', 'failFatal', 'release'],
  ...['heartbeat', 'log', 'hasOutstanding', 'findOne', 'getStats', 'startup', 'shutdown', 'resetStorage'],
  ...['recoverStuckJobs', 'onJobAvailable'],
]

/** A backend that hands every call on to another, but for these methods; `undefined` takes a method away. */
export function override(inner, methods) {
  const outer = {}
  for (const name of CONTRACT) {
    if (typeof inner[name] === 'function') outer[name] = (...args) => inner[name](...args)
  }
  return Object.assign(outer, methods)
}
