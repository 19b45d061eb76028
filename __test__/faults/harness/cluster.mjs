/** The replica set that faults are done to: three servers, quick to elect, with little memory, behind bridges. */
import { Cluster } from '../../support/cluster.mjs'

const SETTINGS = { electionTimeoutMillis: 1500, heartbeatIntervalMillis: 300, heartbeatTimeoutSecs: 2 }

/** Enough for the history of one run, which is read when it is over. */
const OPLOG_MB = 768

export const startFaultCluster = () =>
  Cluster.start(SETTINGS, { isBridged: true, oplogMB: OPLOG_MB, cacheGB: 0.25 })
