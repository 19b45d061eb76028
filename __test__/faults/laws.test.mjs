/** The checker, checked: for each law a history by hand that breaks it, which is found and named, and a like one that keeps it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LAWS, check } from './support/check.mjs'
import { ByHand, LEASE } from './support/history/by-hand.mjs'

const ONE = { key: 'k', scope: 'pending' }
const SOLE = { key: 'k', scope: 'pending+active' }

/** Ends whatever is open, so that only what a test is about is broken. */
const broken = ({ lines }) => [...new Set(check(lines).findings.map(({ law }) => law))].sort()

/** For each law, what breaks it (first) and what comes near and does not. */
const CASES = {
  acknowledgedIsKept: {
    breaks: {
      'an acknowledged job that was never there': (h) => h.called('a').answered('a', 'a'),
      'a job that is removed': (h) => h.enqueue('a').ran('a').removed('a'),
      'an id of another call’s job': (h) => h.called('b').enqueue('a').answered('b', 'a').ran('a'),
    },
    keeps: { 'a job that ran': (h) => h.enqueue('a').ran('a') },
  },
  oncePerCall: {
    breaks: { 'two jobs of one call': (h) => h.enqueue('a').inserted('b', { call: 'a' }).ran('a').ran('b') },
    keeps: { 'a job each': (h) => h.enqueue('a').enqueue('b').ran('a').ran('b') },
  },
  latestIsKept: {
    breaks: {
      'a payload that was to replace another, and is nowhere': (h) =>
        h
          .enqueue('a', ONE)
          .called('x', { ...ONE, coalesce: 'latest' })
          .answered('x', null)
          .ran('a'),
    },
    keeps: {
      'a payload that did': (h) =>
        h
          .enqueue('a', ONE)
          .called('x', { ...ONE, coalesce: 'latest' })
          .wrote('a', { data: { call: 'x' } })
          .answered('x', null)
          .ran('a'),
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
  everythingEnds: {
    breaks: {
      'a claim that stays': (h) => h.enqueue('a', SOLE).claimed('a'),
      'a job that nobody takes': (h) => h.enqueue('a'),
    },
  },
  legalSteps: {
    breaks: {
      'a completion that nobody had claimed': (h) => h.enqueue('a').wrote('a', { status: 'completed' }),
      'an end that is overwritten': (h) => h.enqueue('a').ran('a').wrote('a', { status: 'failed' }),
    },
  },
  attemptsAddUp: {
    breaks: {
      'a claim that counts twice': (h) => {
        h.enqueue('a').wrote('a', { status: 'active', claimToken: 't', attempt: 2, claimedAt: h.now })
        h.started('a').ended('a').completed('a')
      },
      'a recovery that gives the attempt back': (h) =>
        h
          .enqueue('a')
          .claimed('a')
          .wait(2 * LEASE)
          .gaveBack('a', { attempt: 0 })
          .ran('a'),
      'a claim past the last attempt': (h) =>
        h
          .enqueue('a', { maxAttempts: 1 })
          .claimed('a')
          .wait(2 * LEASE)
          .recovered('a')
          .ran('a'),
    },
    keeps: {
      'a release that gives it back': (h) =>
        h
          .enqueue('a')
          .claimed('a')
          .gaveBack('a', { attempt: 0, settledTokens: ['t1'] })
          .ran('a'),
    },
  },
  noRetryIsLost: {
    breaks: {
      'a failure that is final too soon': (h) =>
        h.enqueue('a').claimed('a').started('a').ended('a', { outcome: 'threw' }).failed('a'),
      'a retry that is given up while it waits': (h) =>
        h.enqueue('a').claimed('a').started('a').ended('a', { outcome: 'threw' }).retried('a').failed('a'),
      'a retry that comes too soon': (h) => {
        h.enqueue('a').claimed('a').started('a').ended('a', { outcome: 'threw' })
        h.retried('a', { runAt: h.now + 50 })
          .wait(300)
          .ran('a')
      },
    },
    keeps: {
      'a retry in its time': (h) =>
        h
          .enqueue('a')
          .claimed('a')
          .started('a')
          .ended('a', { outcome: 'threw' })
          .retried('a')
          .wait(300)
          .ran('a'),
      'a fatal failure': (h) =>
        h.enqueue('a').claimed('a').started('a').ended('a', { outcome: 'fatal' }).failed('a'),
    },
  },
  onlyExpiredIsTaken: {
    breaks: {
      'a lease that is taken in its time': (h) =>
        h
          .enqueue('a')
          .claimed('a')
          .wait(LEASE / 2)
          .recovered('a')
          .ran('a'),
      'a lease that was renewed a moment ago': (h) => {
        h.enqueue('a')
          .claimed('a')
          .wait(0.9 * LEASE)
        h.wrote('a', { claimedAt: h.now })
          .wait(0.2 * LEASE)
          .recovered('a')
          .ran('a')
      },
    },
    keeps: {
      'a lease that has run out': (h) => h.enqueue('a').claimed('a').wait(LEASE).recovered('a').ran('a'),
    },
  },
  runsHaveClaims: {
    breaks: {
      'a handler without a claim': (h) => {
        h.enqueue('a').told('worker', 'started', { job: 'a', attempt: 1, token: 'x', key: null })
        h.told('worker', 'ended', { job: 'a', attempt: 1, token: 'x', outcome: 'returned' }).ran('a')
      },
      'a handler with the payload of another call': (h) =>
        h.enqueue('a').claimed('a').started('a', 'worker', 'b').ended('a').completed('a'),
      'two handlers for one claim': (h) =>
        h.enqueue('a').claimed('a').started('a').ended('a').started('a').ended('a').completed('a'),
    },
  },
  noTwoAtOnce: {
    breaks: {
      'two handlers of one job': (h) => {
        h.enqueue('a').claimed('a').started('a')
        const first = h.run('a')
        h.gaveBack('a', { attempt: 0, settledTokens: ['t1'] })
          .claimed('a')
          .started('a', 'other')
        h.ended('a', { run: first }).ended('a', { by: 'other' }).completed('a', 'other')
      },
      'two handlers of one key': (h) => {
        h.enqueue('a', ONE).claimed('a').started('a')
        h.wrote('a', { status: 'completed' }).enqueue('b', ONE).claimed('b').started('b', 'other')
        h.ended('a').ended('b', { by: 'other' }).completed('b', 'other')
      },
    },
    keeps: {
      'a second handler after the lease of the first': (h) => {
        h.enqueue('a').claimed('a').started('a').wait(LEASE)
        const first = h.run('a')
        h.recovered('a').claimed('a').started('a', 'other').ended('a', { run: first })
        h.ended('a', { by: 'other' }).completed('a', 'other')
      },
    },
  },
  settledByHolder: {
    breaks: {
      'a completion in the middle of the run': (h) =>
        h.enqueue('a').claimed('a').started('a').wrote('a', { status: 'completed' }).wait(20).ended('a'),
      'a completion before any handler': (h) =>
        h.enqueue('a').claimed('a').wrote('a', { status: 'completed' }),
      'a completion of what had thrown': (h) =>
        h.enqueue('a').claimed('a').started('a').ended('a', { outcome: 'threw' }).completed('a'),
    },
  },
  resultsAreTrue: {
    breaks: {
      'a completion that is told and was not written': (h) => {
        h.enqueue('a').claimed('a').started('a').ended('a').told('worker', 'event:completed', { jobId: 'a' })
        h.wait(LEASE).recovered('a').ran('a', 'other')
      },
      'a lease that is told to be lost, and the job was completed': (h) => {
        h.enqueue('a').claimed('a').started('a').ended('a')
        h.wrote('a', { status: 'completed' })
        h.told('worker', 'aborted', { ...h.run('a'), code: 'ERR_DURABL_LEASE_LOST' })
      },
    },
    keeps: {
      'a lease that was lost': (h) => {
        h.enqueue('a').claimed('a').started('a').wait(LEASE)
        h.told('worker', 'aborted', { ...h.run('a'), code: 'ERR_DURABL_LEASE_LOST' }).ended('a')
        h.recovered('a').ran('a', 'other')
      },
    },
  },
  keysHoldOne: {
    breaks: {
      'two that wait': (h) => h.enqueue('a', ONE).enqueue('b', ONE).ran('a').ran('b'),
      'one that waits beside one that runs': (h) =>
        h.enqueue('a', SOLE).claimed('a').started('a').enqueue('b', SOLE).ended('a').completed('a').ran('b'),
    },
    keeps: {
      'a follower': (h) =>
        h.enqueue('a', ONE).claimed('a').started('a').enqueue('b', ONE).ended('a').completed('a').ran('b'),
    },
  },
  keyAnswersAreTrue: {
    breaks: {
      'a held key that was free': (h) => h.called('x', ONE).answered('x', null),
      'a held key that had been let go': (h) =>
        h.enqueue('a', SOLE).ran('a').wait(50).called('x', SOLE).answered('x', null),
      'a follower that was never there': (h) =>
        h
          .enqueue('a', ONE)
          .claimed('a')
          .started('a')
          .wait(10)
          .called('x', ONE)
          .answered('x', null)
          .wait(10)
          .ended('a')
          .completed('a'),
      'a job that was made and told to be held': (h) =>
        h.called('a', SOLE).inserted('a', SOLE).answered('a', null).ran('a'),
      'answers that fit each alone, and not in their order': (h) => {
        // The key was held once and freed once, somewhere within the first call; the second one came later.
        h.called('a', SOLE).called('x', SOLE).inserted('a', SOLE).ran('a')
        h.answered('a', 'a').answered('x', null).wait(10).called('y', SOLE).answered('y', null)
      },
    },
    keeps: {
      'a held key': (h) => h.enqueue('a', SOLE).called('x', SOLE).answered('x', null).ran('a'),
      'a call that overlaps the end': (h) =>
        h
          .enqueue('a', SOLE)
          .claimed('a')
          .started('a')
          .called('x', SOLE)
          .ended('a')
          .completed('a')
          .answered('x', null),
      'a follower that claimOrEnqueue left': (h) =>
        h
          .enqueue('a', ONE)
          .claimed('a')
          .started('a')
          .called('b', { ...ONE, method: 'claimOrEnqueue' })
          .inserted('b', ONE)
          .answered('b', null)
          .ended('a')
          .completed('a')
          .ran('b'),
    },
  },
  orderIsKept: {
    breaks: {
      'a job that is passed over for long': (h) =>
        h.enqueue('a').enqueue('b', { priority: 5 }).wait(5000).ran('b').wait(5000).ran('a'),
    },
    keeps: {
      'claims that cross': (h) => h.enqueue('a').enqueue('b', { priority: 5 }).wait(5000).ran('b').ran('a'),
      'a job of another priority that comes later': (h) =>
        h.enqueue('b', { priority: 5 }).wait(5000).ran('b').enqueue('a').wait(5000).ran('a'),
    },
  },
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
}

/** A history told by a case. */
function historyOf(tell) {
  const history = new ByHand()
  tell(history)
  return history
}

for (const [law, { breaks, keeps = {} }] of Object.entries(CASES)) {
  describe(`that ${LAWS[law].says}`, () => {
    for (const [name, tell] of Object.entries(breaks))
      test(`is broken by ${name}`, () => {
        const found = broken(historyOf(tell))
        assert.ok(found.includes(law), `${law} was not found to be broken, but ${found}`)
      })
    for (const [name, tell] of Object.entries(keeps))
      test(`allows ${name}`, () => assert.deepEqual(broken(historyOf(tell)), []))
  })
}

test('every law has a history that breaks it', () => {
  assert.deepEqual(Object.keys(CASES).sort(), Object.keys(LAWS).sort())
})
