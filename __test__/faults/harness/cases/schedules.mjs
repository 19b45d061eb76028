/** Histories of schedules: for each law some that break it, and some that come near and do not. */

const SECOND = 1000

/** A schedule that comes every second of the clock on the wall, which shows what that of the processes does. */
function scheduled(h, missed = 'all') {
  const told = { id: 's', stepMs: SECOND, spec: { everyMs: SECOND, missed }, wall: h.now }
  return h.told('harness', 'scheduled', told)
}

/** The job of an occurrence, which is made now. */
function came(h, moment, id = `s:${moment}`) {
  const schedule = { id: 's', occurrenceAt: new Date(moment) }
  return h.inserted(id, { call: undefined, runAt: moment, schedule }).ran(id)
}

const over = (h) => h.told('harness', 'schedules-over', { wall: h.now })

/** Two occurrences in their time. The first clock stands at ten seconds. */
function cameTwice(h) {
  came(scheduled(h).wait(SECOND), 11_000)
  return came(h.wait(SECOND), 12_000)
}

export const SCHEDULES = {
  occurrencesComeOnce: {
    breaks: {
      'an occurrence that comes twice': (h) => came(cameTwice(h), 12_000, 'other'),
      'one that comes again after its job was removed': (h) => {
        const schedule = { id: 's', occurrenceAt: new Date(11_000) }
        came(scheduled(h).wait(SECOND), 11_000).removed('s:11000')
        h.inserted('s:11000', { call: undefined, runAt: 11_000, schedule }).ran('s:11000')
      },
      'one that comes before its time': (h) => over(came(scheduled(h).wait(200), 11_000)),
      'one at a moment that is none of the schedule': (h) => came(scheduled(h).wait(SECOND), 10_900),
      'one of a schedule that there is not': (h) => came(h.wait(SECOND), 11_000),
    },
    keeps: {
      'occurrences in their time': (h) => over(cameTwice(h)),
      'one that is late': (h) => over(came(scheduled(h).wait(1900), 11_000)),
    },
  },
  occurrencesAreMadeUpFor: {
    breaks: {
      'an occurrence that is left out': (h) => over(came(scheduled(h).wait(2 * SECOND), 12_000)),
      'the last one': (h) => over(cameTwice(h).wait(SECOND)),
    },
    keeps: {
      'one that may be left out': (h) => over(came(scheduled(h, 'once').wait(2 * SECOND), 12_000)),
      'one that comes when all is over': (h) => over(cameTwice(h)).wait(SECOND),
    },
  },
}
