// Written by scripts/entries.mjs.
export {
  SimulatedCrash,
  TEST_SEED,
  TEST_STARTED_AT,
  TestOrchestration,
  testOrchestration,
} from './dist/testing/index.js'
