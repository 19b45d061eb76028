/**
 * What can be done to a world. Each fault is drawn as plain data, so that a seed tells a whole run, and done later: `draw` gives its
 * arguments, `run` does it, undoes what it did and nothing else, and notes in the world's log what came of it: how many processes were really
 * killed, how many replies really lost. One that had no effect shows nothing. Which server is primary is seen when it is done.
 */
import { NETWORK_FAULTS } from './network-faults.mjs'
import { PROCESS_FAULTS } from './process-faults.mjs'
import { SERVER_FAULTS } from './server-faults.mjs'

export const FAULTS = { ...PROCESS_FAULTS, ...SERVER_FAULTS, ...NETWORK_FAULTS }
