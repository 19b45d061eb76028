/** Histories about what operators ask for: for each law some that break it, and some that come near and do not. */

const RETENTION = 1000

/** From now on jobs are removed that ended so long ago. */
function keepsFor(h, retentionMs = RETENTION) {
  h.lines[0].retentionMs = retentionMs
  return h
}

const paused = (h, type = 'plain') => h.told('harness', 'paused', { type })
const resuming = (h, type = 'plain') => h.told('harness', 'resuming', { type })

export const OPERATORS = {
  pausesHold: {
    breaks: {
      'a start beyond the bound': (h) => paused(h.enqueue('a')).wait(6000).ran('a'),
      'a start in a second pause': (h) => {
        paused(h.enqueue('a').enqueue('b')).wait(100)
        paused(resuming(h).ran('a')).wait(6000).ran('b')
      },
    },
    keeps: {
      'a start within the bound': (h) => paused(h.enqueue('a')).wait(4000).ran('a'),
      'a run that goes on': (h) =>
        paused(h.enqueue('a').claimed('a').started('a')).wait(500).ended('a').completed('a'),
      'a start after the end of the pause': (h) =>
        resuming(paused(h.enqueue('a')).wait(100))
          .wait(9000)
          .ran('a'),
      'a start of another type': (h) => paused(h.enqueue('a'), 'other').wait(9000).ran('a'),
    },
  },
  retentionSpares: {
    breaks: {
      'a job that is removed too soon': (h) => keepsFor(h).enqueue('a').ran('a').wait(500).removed('a'),
      'one that is removed while it waits': (h) => keepsFor(h).enqueue('a').wait(5000).removed('a'),
      'one that was retried before': (h) =>
        keepsFor(h)
          .enqueue('a')
          .ran('a')
          .wait(2000)
          .wrote('a', { status: 'pending', completedAt: undefined, attempt: 0 })
          .removed('a'),
      'one whose key is held beyond its end': (h) =>
        keepsFor(h)
          .enqueue('a')
          .ran('a')
          .wrote('a', { dedupeUntil: h.now + 60_000 })
          .wait(2000)
          .removed('a'),
      'one where nothing is to be removed': (h) => h.enqueue('a').ran('a').wait(9000).removed('a'),
    },
    keeps: {
      'one that ended long enough ago': (h) => keepsFor(h).enqueue('a').ran('a').wait(2000).removed('a'),
      'one whose key was held until then': (h) =>
        keepsFor(h)
          .enqueue('a')
          .ran('a')
          .wrote('a', { dedupeUntil: h.now + 500 })
          .wait(2000)
          .removed('a'),
    },
  },
}
