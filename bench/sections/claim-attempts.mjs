/** The number of times that a claim tries to take each job, by the server's profiler. */
import { MongoClient } from '../mongodb.mjs'

const PROFILE_BYTES = 512 * 1024 * 1024

/** Runs an action while the profiler writes down what is done to the jobs, by default every write; resolves to what it wrote. */
export async function profiled({ url, database }, action, ops = ['update', 'command']) {
  const client = await MongoClient.connect(url)
  try {
    const db = client.db(database)
    await db.createCollection('system.profile', { capped: true, size: PROFILE_BYTES })
    const filter = { ns: `${database}.jobs`, op: { $in: ops } }
    await db.command({ profile: 1, filter })
    await action()
    await db.command({ profile: 0, filter: 'unset' })
    return await db.collection('system.profile').find().toArray()
  } finally {
    await client.close()
  }
}

/** A claim looks for what is pending. Long statements are cut in the book, and kept as text; their beginning says enough. */
const isClaim = ({ command }) => /\bq(uery)?\W+status\W+pending/.test(JSON.stringify(command))

/**
 * @returns `commands` that claim, the jobs that these `tried` to take, and the jobs that they `took`
 */
export function claimAttempts(entries) {
  const claims = entries.filter((entry) => 'nModified' in entry && isClaim(entry))
  const sum = (count) => claims.reduce((total, entry) => total + count(entry), 0)
  return {
    commands: claims.length,
    tried: sum(({ docsExamined }) => Math.max(docsExamined ?? 0, 1)),
    took: sum(({ nModified }) => nModified ?? 0),
  }
}
