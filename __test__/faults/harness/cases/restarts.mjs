/** Histories of jobs that are steered: for each law some that break it, and some that come near and do not. */

export const RESTARTS = {
  retriesAreMade: {
    breaks: {
      'a job that begins again though no call has asked for it': (h) =>
        h.enqueue('a').ran('a').restarted('a').ran('a'),
      'one that begins again twice for one call': (h) =>
        h.enqueue('a').ran('a').retry('x', 'a').ran('a').restarted('a').ran('a'),
      'a retry that is told, and was not made': (h) =>
        h.enqueue('a').ran('a').asked('x', 'retry', 'a').steered('x', 'retried'),
      'one that is made though its call was told that it could not be': (h) =>
        h.enqueue('a').ran('a').asked('x', 'retry', 'a').steered('x', 'key-held').restarted('a').ran('a'),
      'one that is made though its call found no job': (h) =>
        h.enqueue('a').ran('a').asked('x', 'retry', 'a').steered('x', 'not-found').restarted('a').ran('a'),
      'one that is made before its call': (h) =>
        h
          .enqueue('a')
          .ran('a')
          .restarted('a')
          .ran('a')
          .wait(20)
          .asked('x', 'retry', 'a')
          .steered('x', 'retried'),
    },
    keeps: {
      'a job that runs once for each retry': (h) =>
        h.enqueue('a').ran('a').retry('x', 'a').ran('a').retry('y', 'a').ran('a'),
      'one that is removed before the call can tell': (h) => {
        h.enqueue('a').ran('a').asked('x', 'retry', 'a').restarted('a')
        h.asked('y', 'remove', 'a').removed('a').steered('y', 'removed').steered('x', 'not-found')
      },
      'one that is retried by one of two calls at once': (h) =>
        h
          .enqueue('a')
          .ran('a')
          .asked('x', 'retry', 'a')
          .asked('y', 'retry', 'a')
          .restarted('a')
          .steered('x', 'retried')
          .steered('y', 'wrong-status')
          .ran('a'),
    },
  },
  removedIsGone: {
    breaks: {
      'a job that comes back': (h) =>
        h
          .enqueue('a')
          .ran('a')
          .asked('x', 'remove', 'a')
          .removed('a')
          .steered('x', 'removed')
          .inserted('a', { status: 'completed' }),
      'one that is told to be removed, and was not': (h) =>
        h.enqueue('a').ran('a').asked('x', 'remove', 'a').steered('x', 'removed'),
    },
    keeps: {
      'a job that is removed': (h) =>
        h.enqueue('a').ran('a').asked('x', 'remove', 'a').removed('a').steered('x', 'removed'),
      'one that was removed while it was pending': (h) =>
        h.enqueue('a').asked('x', 'remove', 'a').removed('a').steered('x', 'removed'),
    },
  },
}
