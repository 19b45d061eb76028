/** Histories of jobs that are cancelled: for each law some that break it, and some that come near and do not. */
import { LEASE, SOLE } from '../history/by-hand.mjs'

/** A job that runs, and that a call has asked to be cancelled. */
const asked = (h, options) =>
  h
    .enqueue('a', options)
    .claimed('a')
    .started('a')
    .asked('x', 'cancel', 'a')
    .marked('a')
    .steered('x', 'requested')

/** A job that waits, and that a call cancels. */
const cancel = (h, call = 'x') => h.asked(call, 'cancel', 'a').cancelled('a').steered(call, 'cancelled')

export const CANCELS = {
  cancelsAreMade: {
    breaks: {
      'a job that no call had asked for': (h) => h.enqueue('a').cancelled('a'),
      'one that is cancelled once more after it began again': (h) =>
        cancel(h.enqueue('a')).wait(20).retry('y', 'a').cancelled('a'),
      'a job that is said to be cancelled, and runs': (h) =>
        h.enqueue('a').asked('x', 'cancel', 'a').steered('x', 'cancelled').ran('a'),
      'a running job that is said to be asked, and was not': (h) =>
        h
          .enqueue('a')
          .claimed('a')
          .started('a')
          .asked('x', 'cancel', 'a')
          .steered('x', 'requested')
          .ended('a')
          .completed('a'),
      'one that is cancelled after its answer': (h) =>
        h.enqueue('a').asked('x', 'cancel', 'a').steered('x', 'cancelled').wait(20).cancelled('a'),
    },
    keeps: {
      'a job that waits': (h) => cancel(h.enqueue('a')),
      'one that runs': (h) => asked(h).ended('a').cancelled('a', 'worker'),
      'two calls at once': (h) =>
        h
          .enqueue('a')
          .asked('x', 'cancel', 'a')
          .asked('y', 'cancel', 'a')
          .cancelled('a')
          .steered('x', 'cancelled')
          .steered('y', 'already-terminal'),
      'a job that is cancelled, tried again, and cancelled': (h) =>
        cancel(cancel(h.enqueue('a')).wait(20).retry('y', 'a'), 'z'),
    },
  },
  cancelsLast: {
    breaks: {
      'a job that completes though it was asked to be cancelled': (h) => asked(h).ended('a').completed('a'),
      'one that is tried again': (h) =>
        asked(h).ended('a', { outcome: 'threw' }).retried('a').wait(300).ran('a'),
      'one that is recovered': (h) => asked(h).wait(LEASE).recovered('a').ran('a'),
      'one that begins again, and is still to be cancelled': (h) =>
        asked(h)
          .ended('a')
          .cancelled('a', 'worker')
          .retry('y', 'a')
          .wrote('a', { cancelRequestedAt: h.now })
          .ran('a'),
      'a completed job that is cancelled': (h) => cancel(h.enqueue('a').ran('a')),
    },
    keeps: {
      'a job that is cancelled when its handler has thrown': (h) =>
        asked(h).ended('a', { outcome: 'threw' }).cancelled('a', 'worker'),
      'one that runs again since a call has asked for that': (h) =>
        asked(h).ended('a').cancelled('a', 'worker').retry('y', 'a').ran('a'),
    },
  },
  keysOutliveCancels: {
    breaks: {
      'a job that is cancelled while its handler runs': (h) =>
        asked(h, SOLE).cancelled('a').wait(50).ended('a'),
    },
    keeps: {
      'one whose lease has run out': (h) => asked(h, SOLE).wait(LEASE).cancelled('a').ended('a'),
      'one that a process gives back as it ends': (h) =>
        asked(h).told('harness', 'asked-to-end', { of: 'worker' }).wait(20).cancelled('a').ended('a'),
      'one that was claimed, and not begun': (h) =>
        h
          .enqueue('a')
          .claimed('a')
          .asked('x', 'cancel', 'a')
          .marked('a')
          .steered('x', 'requested')
          .cancelled('a', 'worker'),
    },
  },
}
