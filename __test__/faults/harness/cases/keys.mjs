/** Histories about keys: for each law some that break it, and some that come near and do not. */
import { ONE, SOLE } from '../history/by-hand.mjs'

const LOOK = { ...ONE, method: 'hasOutstanding' }

export const KEYS = {
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
      'a look that sees a job under a free key': (h) => h.called('x', LOOK).looked('x', true),
      'one that sees none under a held key': (h) =>
        h
          .enqueue('a', SOLE)
          .called('x', { ...LOOK, ...SOLE })
          .looked('x', false)
          .ran('a'),
      'a held key that had been let go by a failure': (h) =>
        h
          .enqueue('a', SOLE)
          .claimed('a')
          .started('a')
          .ended('a', { outcome: 'fatal' })
          .failed('a')
          .wait(50)
          .called('x', SOLE)
          .answered('x', null),
      'one that had been let go by a job that was superseded': (h) => {
        h.enqueue('a', ONE).claimed('a').started('a').enqueue('b', ONE).ended('a', { outcome: 'threw' })
        h.superseded('a').claimed('b').started('b').wait(50).called('x', ONE).answered('x', null)
        h.ended('b').completed('b')
      },
      'a look at a key that had been let go': (h) =>
        h
          .enqueue('a', SOLE)
          .ran('a')
          .wait(50)
          .called('x', { ...LOOK, ...SOLE })
          .looked('x', true),
      'answers that fit each alone, and not in their order': (h) => {
        // The key was held once and freed once, somewhere within the first call; the second one came later.
        h.called('a', SOLE).called('x', SOLE).inserted('a', SOLE).ran('a')
        h.answered('a', 'a').answered('x', null).wait(10).called('y', SOLE).answered('y', null)
      },
    },
    keeps: {
      'a held key': (h) => h.enqueue('a', SOLE).called('x', SOLE).answered('x', null).ran('a'),
      'a look at a key as it is': (h) => {
        h.called('x', LOOK).looked('x', false).enqueue('a', ONE).called('y', LOOK).looked('y', true).ran('a')
      },
      'a look that misses what a new primary has': (h) => {
        h.enqueue('a', SOLE).told('harness', 'fault', {
          fault: 'step-down',
          target: 'server 1',
          until: h.now + 9,
          effect: 1,
        })
        h.called('x', { ...LOOK, ...SOLE })
          .looked('x', false)
          .ran('a')
      },
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
  followersCover: {
    breaks: {
      'a job that is superseded, and no follower waits': (h) =>
        h
          .enqueue('a', ONE)
          .claimed('a')
          .started('a')
          .wait(20)
          .ended('a', { outcome: 'threw' })
          .superseded('a'),
      'one whose follower was cancelled while it ran': (h) => {
        h.enqueue('a', ONE).claimed('a').started('a').enqueue('b', ONE)
        h.asked('x', 'cancel', 'b')
          .cancelled('b')
          .steered('x', 'cancelled')
          .wait(50)
          .ended('a', { outcome: 'threw' })
          .superseded('a')
      },
      'one without a key': (h) =>
        h.enqueue('a').claimed('a').started('a').ended('a', { outcome: 'threw' }).superseded('a'),
    },
    keeps: {
      'one with a follower': (h) => {
        h.enqueue('a', ONE).claimed('a').started('a').enqueue('b', ONE).ended('a', { outcome: 'threw' })
        h.superseded('a').ran('b')
      },
      'one whose follower was cancelled just before the verdict': (h) => {
        h.enqueue('a', ONE).claimed('a').started('a').enqueue('b', ONE).ended('a', { outcome: 'threw' })
        h.asked('x', 'cancel', 'b').cancelled('b').steered('x', 'cancelled').wait(50).superseded('a')
      },
    },
  },
}
