/** Backends with a fault each, under the suite. Run by `harness.test.mjs`, which expects it to fail. */
import { DummyBackend } from 'durabl'
import { conformance } from './suite.mjs'

/** Forgets to look at the token. */
class Unfenced extends DummyBackend {
  complete(jobId) {
    return super.complete(jobId)
  }
}

/** Lets every enqueue under a key through. */
class Duplicating extends DummyBackend {
  async enqueue(type, data, options) {
    return (await super.enqueue(type, data, options)) ?? super.enqueue(type, data)
  }
}

/** Counts a released attempt. */
class Counting extends DummyBackend {
  async release(jobId, ...details) {
    const result = await super.release(jobId, ...details)
    const job = this.jobs.find(({ id }) => id === jobId)
    if (result.status === 'released') job.attempt += 1
    return result
  }
}

conformance('Unfenced', () => new Unfenced())
conformance('Duplicating', () => new Duplicating())
conformance('Counting', () => new Counting())
conformance('Declared', () => new DummyBackend(), {
  'the lower priority goes first': 'it does, so this declaration is wrong',
  'no such behaviour': 'so this declaration is wrong as well',
})
