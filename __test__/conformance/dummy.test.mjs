import { DummyBackend } from 'durabl'
import { conformance } from './suite.mjs'

conformance('DummyBackend', () => new DummyBackend())
