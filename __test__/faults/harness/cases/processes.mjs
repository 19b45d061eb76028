/** Histories about processes and what is done to them: for each law some that break it, and some that come near and do not. */

const KILLED = { fate: 'killed', code: null, signal: 'SIGKILL', stderr: '' }

/** A producer that is told to make calls. */
const ordered = (h) => h.told('harness', 'ordered', { of: 'producer' })
const ended = (h) => h.told('producer', 'call-ended', { method: 'produce' })
const over = (h) => h.told('harness', 'production-over', {})

const BUG = { code: null, message: 'x is undefined' }
const THROWN = { code: null, message: 'it was to go wrong' }
const CANCELLED = { code: 'ERR_DURABL_CANCELLED', message: 'job a was cancelled' }
const GONE = { code: 'ERR_DURABL_CONNECTION', message: 'no server' }

/** A producer that claims a job by hand, and runs it. */
function ranByHand(h, errors) {
  ordered(h).enqueue('a').ran('a').told('producer', 'run-begun', { call: 'a', job: 'a' })
  return over(ended(h.told('producer', 'run-over', { call: 'a', job: 'a', errors })))
}

/** A run that was to show this. */
function toShow(h, settings) {
  Object.assign(h.lines[0], settings)
  return h
}

const fault = (h, name, from, until, effect = 1) => {
  h.lines.push({ by: 'harness', kind: 'fault', fault: name, target: 'worker', at: from, until, effect })
  return h
}

/** A call that is refused after so long. */
const refused = (h, { code = 'ERR_DURABL_CONNECTION', serverCode = null, after = 30_000 } = {}) =>
  h.called('a').wait(after).told('producer', 'rejected', { call: 'a', code, serverCode, message: 'no' })

/** The same while something is done that leaves servers and network alone. */
const refusedBeside = (h, name, options) => fault(refused(h, options), name, h.now - 20_000, h.now - 10)

/** The same while all servers are away. */
const refusedInOutage = (h, options) => fault(refused(h, options), 'outage', h.now - 31_000, h.now + 1)

const askedToEnd = (h) => h.told('harness', 'asked-to-end', { of: 'producer' })

const SCHEDULE = [
  { at: 0, name: 'worker killed' },
  { at: 0, name: 'replies lost' },
]

export const PROCESSES = {
  nobodyFalls: {
    breaks: {
      'a process that ends by itself': (h) =>
        h.told('worker', 'process-ended', { fate: null, code: null, signal: 'SIGSEGV', stderr: '' }),
      'one that complains': (h) =>
        h.told('worker', 'process-ended', {
          fate: 'asked to end',
          code: 0,
          signal: null,
          stderr: 'a warning',
        }),
    },
    keeps: {
      'one that is asked to': (h) =>
        h.told('worker', 'process-ended', { fate: 'asked to end', code: 0, signal: null, stderr: '' }),
    },
  },
  callsAreAnswered: {
    breaks: {
      'a call without an answer': (h) => h.called('a'),
      'a refusal while all is well': (h) => refused(h),
      'one while deploys roll': (h) => refusedBeside(h, 'worker replaced'),
      'one while clocks are wrong': (h) => refusedBeside(h, 'clock set wrong'),
      'one that says that the library is at fault': (h) =>
        refusedInOutage(h, { code: 'ERR_DURABL_INTERNAL' }),
      'one without a code': (h) => refusedInOutage(h, { code: null }),
      'one of arguments': (h) => refusedInOutage(h, { code: 'ERR_DURABL_INVALID_ARGUMENT' }),
      'one by a server that does not want it tried again': (h) =>
        refusedInOutage(h, { code: 'ERR_DURABL_SERVER', serverCode: 2 }),
      'one that comes before the call has waited': (h) => refusedInOutage(h, { after: 5000 }),
      'one that comes long after the servers are back': (h) => {
        const { now } = h
        fault(refused(h.wait(20_000)), 'outage', now, now + 1000)
      },
      'one before the servers go away': (h) => {
        const { now } = refused(h)
        fault(h, 'outage', now + 10, now + 1000)
      },
      'a process that says it has ended, and was not asked to': (h) =>
        refusedInOutage(h, { code: 'ERR_DURABL_SHUT_DOWN' }),
      'one that is asked to only then': (h) =>
        askedToEnd(refused(h, { code: 'ERR_DURABL_SHUT_DOWN' }).wait(20)),
    },
    keeps: {
      'a refusal while servers are away': (h) => refusedInOutage(h),
      'one by a server that is primary no more': (h) =>
        refusedInOutage(h, { code: 'ERR_DURABL_SERVER', serverCode: 189 }),
      'one by a process that was asked to end': (h) =>
        refused(askedToEnd(h), { code: 'ERR_DURABL_SHUT_DOWN', after: 5 }),
      'a call of a process that is killed': (h) =>
        h
          .called('a')
          .told('producer', 'process-ended', { fate: 'killed', code: null, signal: 'SIGKILL', stderr: '' }),
    },
  },
  callersEnd: {
    breaks: {
      'a producer that never comes to an end': (h) => over(ordered(h)),
      'one that does once it is asked to end': (h) => ended(over(ordered(h))),
      'one that gives its calls up': (h) =>
        over(ordered(h).told('producer', 'call-failed', { method: 'produce', message: 'no such thing' })),
      'a run by hand that never ends': (h) =>
        over(ended(ordered(h).enqueue('a').ran('a').told('producer', 'run-begun', { call: 'a', job: 'a' }))),
      'a run by hand that ends with an unknown error': (h) => ranByHand(h, [BUG]),
      'one that ends with the library’s own bug': (h) =>
        ranByHand(h, [THROWN, { code: 'ERR_DURABL_INTERNAL', message: 'a bug' }]),
      'one that is cancelled, and no call had asked for it': (h) => ranByHand(h, [CANCELLED]),
      'one whose end cannot be written though the servers are there': (h) => ranByHand(h, [THROWN, GONE]),
    },
    keeps: {
      'one that does': (h) => over(ended(ordered(h))),
      'one that is killed': (h) => over(ordered(h).told('producer', 'process-ended', KILLED)),
      'a run that ends as its handler did': (h) => ranByHand(h, [THROWN]),
      'one that a call has cancelled': (h) => {
        ordered(h)
          .enqueue('a')
          .claimed('a')
          .started('a')
          .told('producer', 'run-begun', { call: 'a', job: 'a' })
        h.asked('x', 'cancel', 'a').marked('a').steered('x', 'requested').ended('a').cancelled('a')
        over(ended(h.told('producer', 'run-over', { call: 'a', job: 'a', errors: [CANCELLED] })))
      },
      'one that lost its lease': (h) =>
        ranByHand(h, [{ code: 'ERR_DURABL_LEASE_LOST', message: 'it is lost' }]),
      'one whose end cannot be written while the servers are away': (h) =>
        fault(ranByHand(h, [THROWN, GONE]), 'outage', h.now - 20, h.now),
    },
  },
  faultsHappen: {
    breaks: {
      'a fault that never came': (h) => fault(toShow(h, { schedule: SCHEDULE }), 'replies lost', 1, 2),
      'one that had no effect': (h) => {
        fault(toShow(h, { schedule: SCHEDULE }), 'replies lost', 1, 2)
        fault(h, 'worker killed', 3, 4, 0)
      },
      'most of a mixture that had none': (h) => {
        fault(toShow(h, { schedule: SCHEDULE, isMixed: true }), 'replies lost', 1, 5, 0)
        fault(h, 'worker killed', 3, 4, 0)
      },
      'some that were to come at once': (h) => {
        fault(toShow(h, { schedule: SCHEDULE, atOnce: 2 }), 'replies lost', 1, 2)
        fault(h, 'worker killed', 3, 4)
      },
      'a run in which what it is about was not to be seen': (h) => toShow(h, { shows: ['runsThatDied'] }),
    },
    keeps: {
      'one of a mixture that had no effect beside another that had': (h) => {
        fault(toShow(h, { schedule: SCHEDULE, isMixed: true }), 'replies lost', 1, 5)
        fault(h, 'worker killed', 3, 4, 0)
      },
      'some that come at once': (h) => {
        fault(toShow(h, { schedule: SCHEDULE, atOnce: 2 }), 'replies lost', 1, 5)
        fault(h, 'worker killed', 3, 4)
      },
    },
  },
}
