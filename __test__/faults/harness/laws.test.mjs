/** The checker, checked: for each law a history by hand that breaks it, which is found and named, and a like one that keeps it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LAWS, check } from './check.mjs'
import { CANCELS } from './cases/cancels.mjs'
import { KEYS } from './cases/keys.mjs'
import { OPERATORS } from './cases/operators.mjs'
import { PROCESSES } from './cases/processes.mjs'
import { RESTARTS } from './cases/restarts.mjs'
import { SCHEDULES } from './cases/schedules.mjs'
import { TIMES } from './cases/times.mjs'
import { ByHand, LEASE, ONE, SOLE } from './history/by-hand.mjs'

/** Ends whatever is open, so that only what a test is about is broken. */
const broken = ({ lines }) => [...new Set(check(lines).findings.map(({ law }) => law))].sort()

/** For each law, what breaks it (first) and what comes near and does not. */
const CASES = {
  ...KEYS,
  ...TIMES,
  ...PROCESSES,
  ...RESTARTS,
  ...OPERATORS,
  ...CANCELS,
  ...SCHEDULES,
  acknowledgedIsKept: {
    breaks: {
      'an acknowledged job that was never there': (h) => h.called('a').answered('a', 'a'),
      'a job that is removed': (h) => h.enqueue('a').ran('a').removed('a'),
      'a job of another priority than was asked for': (h) =>
        h.enqueue('a', { priority: 1, asked: { priority: 2 } }).ran('a'),
      'a job of another type': (h) => h.enqueue('a', { type: 'other' }).ran('a'),
      'a job under another key': (h) =>
        h
          .called('a', ONE)
          .inserted('a', { ...ONE, key: 'other' })
          .answered('a', 'a')
          .ran('a'),
      'a payload that is not what was handed over': (h) =>
        h.enqueue('a', { asked: { data: { call: 'a', ms: 7 } } }).ran('a'),
      'an id of another call’s job': (h) => h.called('b').enqueue('a').answered('b', 'a').ran('a'),
    },
    keeps: {
      'a job that ran': (h) => h.enqueue('a').ran('a'),
      'one that is all that was asked for': (h) =>
        h.enqueue('a', { ...ONE, priority: 2, asked: { priority: 2, data: { call: 'a' } } }).ran('a'),
    },
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
      'one whose newer one came after its answer': (h) =>
        h
          .enqueue('a', ONE)
          .called('x', { ...ONE, coalesce: 'latest' })
          .answered('x', null)
          .wait(5)
          .called('y', { ...ONE, coalesce: 'latest' })
          .wrote('a', { data: { call: 'y' } })
          .answered('y', null)
          .ran('a'),
      'one whose newer one had been answered before': (h) =>
        h
          .enqueue('a', ONE)
          .called('y', { ...ONE, coalesce: 'latest' })
          .wrote('a', { data: { call: 'y' } })
          .answered('y', null)
          .wait(5)
          .called('x', { ...ONE, coalesce: 'latest' })
          .answered('x', null)
          .ran('a'),
      'one whose newer one is of another key': (h) =>
        h
          .enqueue('a', ONE)
          .enqueue('b', { ...ONE, key: 'other' })
          .called('x', { ...ONE, coalesce: 'latest' })
          .called('y', { ...ONE, key: 'other', coalesce: 'latest' })
          .wrote('b', { data: { call: 'y' } })
          .answered('x', null)
          .answered('y', null)
          .ran('a')
          .ran('b'),
    },
    keeps: {
      'one whose newer one did, called before it was answered': (h) =>
        h
          .enqueue('a', ONE)
          .called('x', { ...ONE, coalesce: 'latest' })
          .called('y', { ...ONE, coalesce: 'latest' })
          .wrote('a', { data: { call: 'y' } })
          .answered('x', null)
          .answered('y', null)
          .ran('a'),
      'a payload that did': (h) =>
        h
          .enqueue('a', ONE)
          .called('x', { ...ONE, coalesce: 'latest' })
          .wrote('a', { data: { call: 'x' } })
          .answered('x', null)
          .ran('a'),
    },
  },
  everythingEnds: {
    breaks: {
      'a claim that stays': (h) => h.enqueue('a', SOLE).claimed('a'),
      'a job that no worker takes': (h) => h.enqueue('a'),
    },
  },
  legalSteps: {
    breaks: {
      'a completion without a claim': (h) => h.enqueue('a').wrote('a', { status: 'completed' }),
      'an end that is written once more': (h) => h.enqueue('a').ran('a').wait(20).completed('a'),
      'an end that is overwritten': (h) => h.enqueue('a').ran('a').wrote('a', { status: 'failed' }),
    },
  },
  attemptsAddUp: {
    breaks: {
      'a claim that counts twice': (h) => {
        h.enqueue('a').wrote('a', { status: 'active', claimToken: 't', attempt: 2, claimedAt: h.now })
        h.started('a').ended('a').completed('a')
      },
      'a job that begins with an attempt': (h) => h.enqueue('a', { attempt: 1 }).ran('a'),
      'one that is made and claimed at once, and counts none': (h) => {
        h.called('a')
          .inserted('a', { status: 'active', claimToken: 't', claimedAt: h.now })
          .answered('a', 'a')
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
      'one that begins when its lease had been taken long ago': (h) => {
        h.enqueue('a').claimed('a')
        const first = h.run('a')
        h.wait(LEASE).recovered('a').claimed('a').started('a', 'other')
        h.told('worker', 'started', { ...first, call: 'a' })
        h.told('worker', 'aborted', { ...first, code: 'ERR_DURABL_LEASE_LOST' }).ended('a', { run: first })
        h.ended('a', { by: 'other' }).completed('a', 'other')
      },
      'two handlers of one key': (h) => {
        h.enqueue('a', ONE).claimed('a').started('a')
        h.wrote('a', { status: 'completed' }).enqueue('b', ONE).claimed('b').started('b', 'other')
        h.ended('a').ended('b', { by: 'other' }).completed('b', 'other')
      },
      'two of one key, as the first job was cancelled before its lease was over': (h) => {
        h.enqueue('a', ONE).claimed('a').started('a').asked('x', 'cancel', 'a').marked('a')
        h.steered('x', 'requested').cancelled('a').enqueue('b', ONE).claimed('b').started('b', 'other')
        h.ended('a').ended('b', { by: 'other' }).completed('b', 'other')
      },
    },
    keeps: {
      'another job of the key, once the lease of a cancelled one was over': (h) => {
        h.enqueue('a', ONE).claimed('a').started('a').asked('x', 'cancel', 'a').marked('a')
        h.steered('x', 'requested').wait(LEASE).cancelled('a').enqueue('b', ONE).claimed('b')
        h.started('b', 'other').ended('a').ended('b', { by: 'other' }).completed('b', 'other')
      },
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
      'a job that is given back in the middle of its run': (h) =>
        h
          .enqueue('a')
          .claimed('a')
          .started('a')
          .released('a')
          .ended('a', { run: h.run('a') })
          .ran('a'),
      'one that is superseded though its handler had returned': (h) => {
        h.enqueue('a', ONE).claimed('a').started('a').enqueue('b', ONE).ended('a').superseded('a').ran('b')
      },
    },
    keeps: {
      'a job that is given back before it has begun': (h) =>
        h.enqueue('a').claimed('a').released('a').ran('a'),
      'one that is given back by a process that was asked to end': (h) => {
        h.enqueue('a').claimed('a').started('a')
        const run = h.run('a')
        h.told('harness', 'asked-to-end', { of: 'worker' })
          .wait(20)
          .released('a')
          .ended('a', { run })
          .ran('a', 'other')
      },
      'one that failed, and is superseded': (h) =>
        h
          .enqueue('a', ONE)
          .claimed('a')
          .started('a')
          .enqueue('b', ONE)
          .ended('a', { outcome: 'threw' })
          .superseded('a')
          .ran('b'),
      'a completion by a server whose oplog is behind its clock': (h) => {
        h.enqueue('a').claimed('a').started('a').wait(30).ended('a').completed('a')
        h.lines.find(({ set }) => set?.status === 'completed').at -= 15
      },
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
      'one whose holder’s failure was written, as superseded': (h) => {
        h.enqueue('a', ONE).claimed('a').started('a').enqueue('b', ONE).ended('a', { outcome: 'threw' })
        h.wrote('a', { status: 'superseded', failReason: 'it went wrong' })
        h.told('worker', 'aborted', { ...h.run('a'), code: 'ERR_DURABL_LEASE_LOST' }).ran('b')
      },
      'one that its holder has given back': (h) => {
        h.enqueue('a').claimed('a').started('a')
        const run = h.run('a')
        h.told('harness', 'asked-to-end', { of: 'worker' }).released('a')
        h.told('worker', 'aborted', { ...run, code: 'ERR_DURABL_LEASE_LOST' }).ended('a', { run })
        h.ran('a', 'other')
      },
      'one whose holder has its verdict written, and is told so in answer to it': (h) => {
        h.enqueue('a').claimed('a').started('a').ended('a', { outcome: 'threw' })
        h.gaveBack('a', { settledTokens: ['t1'], runAt: h.now + 200, failReason: 'it went wrong' })
        h.told('worker', 'event:lease-lost', { jobId: 'a', op: 'fail' }).wait(300).ran('a', 'other')
      },
      'the same while its process runs the job once more': (h) => {
        h.enqueue('a').claimed('a').started('a').ended('a', { outcome: 'threw' })
        h.gaveBack('a', { settledTokens: ['t1'], runAt: h.now + 200, failReason: 'it went wrong' })
        h.wait(300).claimed('a').started('a')
        h.told('worker', 'event:lease-lost', { jobId: 'a', op: 'fail' }).ended('a').completed('a')
      },
      'a completion that is told twice of a job that began again': (h) => {
        h.enqueue('a').claimed('a').started('a').ended('a').wait(LEASE).recovered('a')
        h.asked('x', 'cancel', 'a').cancelled('a').steered('x', 'cancelled').retry('y', 'a').ran('a')
        h.told('worker', 'event:completed', { jobId: 'a' })
      },
    },
    keeps: {
      'a completion of a job that began again, after a run whose job had ended without it': (h) => {
        h.enqueue('a').claimed('a').started('a').ended('a').wait(LEASE).recovered('a')
        h.asked('x', 'cancel', 'a').cancelled('a').steered('x', 'cancelled').retry('y', 'a').ran('a')
      },
      'a lease that was lost': (h) => {
        h.enqueue('a').claimed('a').started('a').wait(LEASE)
        h.told('worker', 'aborted', { ...h.run('a'), code: 'ERR_DURABL_LEASE_LOST' }).ended('a')
        h.recovered('a').ran('a', 'other')
      },
      'one that was lost to a reaper who found a follower': (h) => {
        h.enqueue('a', ONE).claimed('a').started('a').enqueue('b', ONE).wait(LEASE)
        h.wrote('a', {
          status: 'superseded',
          failReason: 'the lease expired: the job stalled, and a follower covers the work',
        })
        h.told('worker', 'aborted', { ...h.run('a'), code: 'ERR_DURABL_LEASE_LOST' })
          .ended('a')
          .ran('b')
      },
      'one that was lost before the verdict arrived': (h) => {
        h.enqueue('a').claimed('a').started('a').wait(LEASE).recovered('a')
        h.ended('a', { run: { job: 'a', attempt: 1, token: 't1', key: null } })
        h.told('worker', 'event:lease-lost', { jobId: 'a', op: 'complete' }).ran('a', 'other')
      },
      'one of two of which either may be meant': (h) => {
        h.enqueue('a').claimed('a').started('a').ended('a', { outcome: 'threw' })
        h.gaveBack('a', { settledTokens: ['t1'], runAt: h.now + 200, failReason: 'it went wrong' })
        h.wait(300).claimed('a').started('a').ended('a', { outcome: 'threw' }).wait(LEASE).recovered('a')
        h.told('worker', 'event:lease-lost', { jobId: 'a', op: 'fail' }).ran('a', 'other')
      },
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
