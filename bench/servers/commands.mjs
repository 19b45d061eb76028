/** Commands that servers have carried out since they were started. */
import { MongoClient } from '../mongodb.mjs'

/**
 * The sum of commands, not of their parts as `opcounters` has them. Every five minutes, the server writes down all sessions of that time: by
 * one command, with an update for each. After a section with 1,000 types these were 2,300 updates.
 */
async function ofMongoDB({ url }) {
  const client = await MongoClient.connect(url)
  try {
    const { metrics } = await client.db('admin').command({ serverStatus: 1 })
    return Object.values(metrics.commands)
      .map(({ total }) => Number(total ?? 0))
      .reduce((sum, count) => sum + count)
  } finally {
    await client.close()
  }
}

async function ofRedis({ port }) {
  const { default: Redis } = await import('ioredis')
  const client = new Redis(port, '127.0.0.1')
  try {
    return Number((await client.info('stats')).match(/total_commands_processed:(\d+)/)[1])
  } finally {
    client.disconnect()
  }
}

async function ofPostgreSQL({ url }) {
  const { default: pg } = await import('pg')
  const client = new pg.Client(url)
  await client.connect()
  try {
    const text =
      'select xact_commit + xact_rollback as n from pg_stat_database where datname = current_database()'
    return Number((await client.query(text)).rows[0].n)
  } finally {
    await client.end()
  }
}

const OF = { mongodb: ofMongoDB, redis: ofRedis, postgresql: ofPostgreSQL }

/** Commands so far; transactions on PostgreSQL. */
export const commandsOf = (kind, place) => OF[kind](place)
