/** How many jobs of a key there may be, at every moment that the servers know. */

const ROOM = {
  pending: ({ pending, active }) => pending <= 1 && active <= 1,
  'pending+active': ({ pending, active }) => pending + active <= 1,
}

export const keysHoldOne = {
  says: 'at most one active and one pending job have a key of scope pending; at most one of both, one of scope pending+active',
  *broken({ steps }) {
    const counts = new Map()
    for (const step of steps) {
      const { job, before, after } = step
      if (!job.key) continue
      const count = counts.get(job.key) ?? { pending: 0, active: 0 }
      counts.set(job.key, count)
      if (before?.status in count) count[before.status] -= 1
      if (after.status in count) count[after.status] += 1
      if (before?.status !== after.status && after.status in count && !ROOM[job.created.dedupeScope](count))
        yield [`the key ${job.key} has ${count.pending} pending and ${count.active} active jobs`, step]
    }
  },
}
