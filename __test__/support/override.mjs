const CONTRACT = [
  ...['enqueue', 'claimOrEnqueue', 'claimNext', 'claimNextByKey', 'complete', 'fail', 'failFatal', 'release'],
  ...['heartbeat', 'log', 'hasOutstanding', 'findOne', 'getStats', 'startup', 'shutdown', 'resetStorage'],
  ...['recoverStuckJobs', 'onJobAvailable'],
]

function withoutMethods(handle) {
  if (handle === null) return null
  return Object.fromEntries(Object.entries(handle).filter(([, value]) => typeof value !== 'function'))
}

/** A backend that hands every call on to another, but for these methods; `undefined` takes a method away. */
export function override(inner, methods) {
  const outer = {}
  for (const name of CONTRACT) {
    if (typeof inner[name] === 'function') outer[name] = (...args) => inner[name](...args)
  }
  // As jobs: the methods of a handle would lead to the inner backend, past these ones.
  for (const name of ['claimOrEnqueue', 'claimNextByKey'])
    if (outer[name]) outer[name] = async (...args) => withoutMethods(await inner[name](...args))
  return Object.assign(outer, methods)
}
