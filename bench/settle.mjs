import { MongoClient } from './mongodb.mjs'

/** Has a MongoDB server write down what it holds in memory, so that what is measured next does not pay for what was written before. */
export async function settle({ url }) {
  const client = await MongoClient.connect(url)
  try {
    await client.db('admin').command({ fsync: 1 })
  } finally {
    await client.close()
  }
}
