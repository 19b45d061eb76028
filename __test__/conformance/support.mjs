/** Tools that behaviours share. */

import { deferred } from '../support/async.mjs'

/** A handler that never ends by itself, and tells when it started. */
export function endlessHandler() {
  const started = deferred()
  const handler = (job, ctx) => {
    started.resolve({ job, ctx })
    return new Promise(() => {})
  }
  return { handler, started: started.promise }
}

export const SINGLE_FLIGHT = { dedupeKey: 'k', dedupeScope: 'pending' }
export const EXCLUSIVE = { dedupeKey: 'k' }
/** Retried almost at once. */
export const QUICK_RETRY = { backoffDelay: 1, backoffMaxDelay: 1 }
