import { DummyBackend } from 'durabl'
import { conformance } from './suite.mjs'

conformance('DummyBackend', () => new DummyBackend(), {
  'an attempt that is tried again says why it failed, and that it was an attempt':
    'each failure is told alike',
})
