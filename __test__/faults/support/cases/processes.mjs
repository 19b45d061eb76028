/** Histories about processes and what is done to them: for each law some that break it, and some that come near and do not. */

const KILLED = { fate: 'killed', code: null, signal: 'SIGKILL', stderr: '' }

/** A producer that is told to make calls. */
const ordered = (h) => h.told('harness', 'ordered', { of: 'producer' })
const ended = (h) => h.told('producer', 'call-ended', { method: 'produce' })
const over = (h) => h.told('harness', 'production-over', {})

/** A run that was to show this. */
function toShow(h, settings) {
  Object.assign(h.lines[0], settings)
  return h
}

const fault = (h, name, from, until, effect = 1) => {
  h.lines.push({ by: 'harness', kind: 'fault', fault: name, target: 'worker', at: from, until, effect })
  return h
}

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
      'a refusal while all is well': (h) =>
        h.called('a').told('producer', 'rejected', { call: 'a', message: 'no' }),
    },
    keeps: {
      'a refusal while servers are away': (h) =>
        h
          .called('a')
          .told('producer', 'rejected', { call: 'a', message: 'no' })
          .told('harness', 'fault', { fault: 'outage', until: h.now }),
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
      'a run by hand that ends with an error of nobody’s': (h) => {
        ordered(h).enqueue('a').ran('a').told('producer', 'run-begun', { call: 'a', job: 'a' })
        h.told('producer', 'run-over', {
          call: 'a',
          job: 'a',
          errors: [{ code: null, message: 'x is undefined' }],
        })
        over(ended(h))
      },
    },
    keeps: {
      'one that does': (h) => over(ended(ordered(h))),
      'one that is killed': (h) => over(ordered(h).told('producer', 'process-ended', KILLED)),
      'a run that ends as its handler did': (h) => {
        ordered(h).enqueue('a').ran('a').told('producer', 'run-begun', { call: 'a', job: 'a' })
        const errors = [{ code: null, message: 'it was to go wrong' }]
        over(ended(h.told('producer', 'run-over', { call: 'a', job: 'a', errors })))
      },
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
