/**
 * Faults of a world. Each fault is drawn as plain data, so that a seed tells a whole run, and is done later. `draw` gives its arguments. `run`
 * does it, undoes only what it did, and notes the effect in the world's log: processes really killed, replies really lost. A fault without
 * effect shows nothing. Which server is primary is seen when the fault is done.
 */
import { NETWORK_FAULTS } from './network-faults.mjs'
import { PROCESS_FAULTS } from './process-faults.mjs'
import { SERVER_FAULTS } from './server-faults.mjs'

export const FAULTS = { ...PROCESS_FAULTS, ...SERVER_FAULTS, ...NETWORK_FAULTS }
