/** The change stream loses its place, and the collection is dropped, while one process enqueues and two work. */
import { LONG, failovers } from './support/failovers.mjs'
import { PUSHED, now } from './support/story.mjs'

const HISTORY_LOST = { errorCode: 286, errorLabels: ['NonResumableChangeStreamError'] }

const failover = failovers({ testCommands: true })

// To fill the oplogs of three servers takes a gigabyte and a minute. The tests below try each answer that a worker gets then.
const sleeper = LONG ? failover : () => {}

sleeper(
  'when a worker sleeps until the history that its stream was at is gone, everything acknowledged is run',
  async (t, story, cluster) => {
    story.pushed.signal('SIGSTOP')
    await cluster.forgetHistory()
    story.pushed.signal('SIGCONT')
    const { at } = await story.pushed.next('warning', ({ message }) => message.includes('change stream'))
    await story.isPushedAgain()
    await story.allWorkAgain(at)
    await story.end({ isShorterThanLeases: true })
  },
  // It sleeps for as long as it takes to fill the servers' oplogs.
  { heartbeatIntervalMs: 60_000 },
)

failover(
  'when the servers refuse to let a stream go on from where it was, everything acknowledged is run',
  async (t, story, cluster) => {
    await cluster.failNext(1, { failCommands: ['getMore'], appName: PUSHED, ...HISTORY_LOST })
    const { at } = await story.pushed.next('warning', ({ message }) => message.includes('change stream'))
    await story.isPushedAgain()
    await story.allWorkAgain(at)
    await story.end({ isShorterThanLeases: true })
  },
)

failover(
  'when the collection is dropped, everything acknowledged from then on is run, under its indexes',
  async (t, story) => {
    await story.dropEverything()
    await story.allWorkAgain(now())
    await story.isPushedAgain()
    await story.end({ isShorterThanLeases: true })
  },
)
