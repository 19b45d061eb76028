/**
 * The quick start with all of its set-up: builds what is missing, starts a server unless MONGO_URL names one, tells the story.
 *
 *     npm run quickstart
 *     npm run quickstart -- --dashboard    instead of the story, a queue under light traffic and its dashboard
 */
import { findMongod } from './mongod/find.mjs'
import { startReplicaSet } from './mongod/replica-set.mjs'
import { forwardSignals, run, wasInterrupted } from './process.mjs'
import { setup } from './setup.mjs'
import { main, say } from './terminal.mjs'

async function server() {
  const url = process.env.MONGO_URL
  if (url) return { url, stop: async () => {} }
  const set = await startReplicaSet(await findMongod(say))
  say(`a MongoDB replica set of one node runs at ${set.url}, for this story only`)
  return set
}

await main(async () => {
  forwardSignals()
  await setup()
  const { url, stop } = await server()
  try {
    if (wasInterrupted()) return 130
    return await run(
      process.execPath,
      [process.argv.includes('--dashboard') ? 'examples/dashboard.mjs' : 'examples/quickstart.mjs'],
      { env: { MONGO_URL: url } },
    )
  } finally {
    await stop()
    if (!process.env.MONGO_URL) say('the server is stopped and its data removed')
  }
})
