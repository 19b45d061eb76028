/** Tools for apps' tests of orchestrations; documented in `testing.d.ts`. */
export { SimulatedCrash } from './simulated-crash'
export { TEST_SEED, TEST_STARTED_AT, TestOrchestration, testOrchestration } from './test-orchestration'
