/** Histories about when and in which order jobs run: for each law some that break it, and some that come near and do not. */

export const TIMES = {
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
  orderIsKept: {
    breaks: {
      'one that became due later, and is taken first': (h) =>
        h.enqueue('a').wait(100).enqueue('b').wait(5000).ran('b').wait(5000).ran('a'),
      'a job that is passed over for long': (h) =>
        h.enqueue('a').enqueue('b', { priority: 5 }).wait(5000).ran('b').wait(5000).ran('a'),
    },
    keeps: {
      'jobs in the order in which they became due': (h) =>
        h.enqueue('a').wait(100).enqueue('b').wait(5000).ran('a').wait(5000).ran('b'),
      'claims that cross': (h) => h.enqueue('a').enqueue('b', { priority: 5 }).wait(5000).ran('b').ran('a'),
      'a job of another priority that comes later': (h) =>
        h.enqueue('b', { priority: 5 }).wait(5000).ran('b').enqueue('a').wait(5000).ran('a'),
    },
  },
  notEarly: {
    breaks: {
      'a delayed job that is claimed before its time': (h) =>
        h
          .enqueue('a', { asked: { delay: 500 }, runAt: h.now + 501 })
          .wait(100)
          .ran('a'),
      'one that is due sooner than was asked for': (h) =>
        h
          .enqueue('a', { asked: { delay: 500 }, runAt: h.now + 100 })
          .wait(200)
          .ran('a'),
      'a job for now that is due later': (h) =>
        h
          .enqueue('a', { runAt: h.now + 300 })
          .wait(400)
          .ran('a'),
      'a retry that is claimed before its time': (h) => {
        h.enqueue('a')
          .claimed('a')
          .started('a')
          .ended('a', { outcome: 'threw' })
          .retried('a')
          .wait(100)
          .ran('a')
      },
    },
    keeps: {
      'a delayed job in its time': (h) =>
        h
          .enqueue('a', { asked: { delay: 500 }, runAt: h.now + 502 })
          .wait(500)
          .ran('a'),
      'a retry in its time': (h) =>
        h
          .enqueue('a')
          .claimed('a')
          .started('a')
          .ended('a', { outcome: 'threw' })
          .retried('a')
          .wait(200)
          .ran('a'),
    },
  },
}
