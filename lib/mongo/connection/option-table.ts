/**
 * The treatment of each option of the `mongodb` package, by the name that an app gives it. A test fails until this table has each new
 * option of the driver.
 */

/** An option that the engine can't honour. */
export interface Refused {
  /** The reason for the refusal, to follow the option's name. */
  readonly refused: string
  /** True if these options ask for it; otherwise the option's own presence does. */
  readonly asked?: (options: Readonly<Record<string, unknown>>) => boolean
}

/** `carried`: the engine's connection has it too. `irrelevant`: it changes nothing in the engine, with the reason. */
export type Rule = 'carried' | { readonly irrelevant: string } | Refused

const OWN_BSON: Rule = {
  irrelevant:
    "it shapes payloads, which are encoded and decoded by the app's own driver, also where a connection string sets it",
}
const OWN_LOGS: Rule = { irrelevant: "it is about the log of the app's own client" }
const OWN_SOCKETS: Rule = {
  irrelevant: "the engine's sockets try all addresses of a host and are kept alive",
}
const OWN_BOUND: Rule = { irrelevant: 'every operation of the engine has a bound of its own' }
const OWN_MONITOR: Rule = { irrelevant: "the engine's monitors choose by themselves" }
const UNUSED: Rule = { irrelevant: "the app's own driver accepts it and does not use it" }

const OTHER_TLS = "the engine's TLS library has no such setting"

/** True if the app checks the server's certificate at all. */
function checksCertificates(options: Readonly<Record<string, unknown>>): boolean {
  return options.tls === true && options.rejectUnauthorized !== false
}

export const OPTION_TABLE: Readonly<Record<string, Rule>> = {
  // The servers
  replicaSet: 'carried',
  directConnection: 'carried',
  loadBalanced: 'carried',
  srvMaxHosts: 'carried',
  srvServiceName: 'carried',
  srvAllowedHostsSuffix: { refused: "the engine accepts SRV hosts of the record's own domain only" },
  srvHostValidator: { refused: "a function can't be carried over" },
  srvPoller: { refused: 'the engine looks up SRV records by itself' },
  proxyHost: 'carried',
  proxyPort: 'carried',
  proxyUsername: 'carried',
  proxyPassword: 'carried',
  lookup: { refused: "a function can't be carried over; the engine resolves names by the system" },
  localAddress: { refused: "the engine can't bind its sockets to an address" },
  localPort: { refused: "the engine can't bind its sockets to a port" },
  connectionType: { refused: "a class can't be carried over" },
  runtimeAdapters: { irrelevant: "it replaces modules for the app's own driver" },
  family: OWN_SOCKETS,
  hints: OWN_SOCKETS,
  autoSelectFamily: OWN_SOCKETS,
  autoSelectFamilyAttemptTimeout: OWN_SOCKETS,
  keepAliveInitialDelay: OWN_SOCKETS,
  noDelay: OWN_SOCKETS,

  // As whom
  auth: 'carried',
  authSource: 'carried',
  authMechanism: 'carried',
  authMechanismProperties: 'carried',

  // The protection
  tls: 'carried',
  ssl: 'carried',
  ca: 'carried',
  cert: 'carried',
  key: 'carried',
  passphrase: 'carried',
  tlsCAFile: 'carried',
  tlsCertificateKeyFile: 'carried',
  tlsCertificateKeyFilePassword: 'carried',
  rejectUnauthorized: 'carried',
  tlsAllowInvalidCertificates: 'carried',
  tlsInsecure: 'carried',
  allowPartialTrustChain: {
    irrelevant: 'the engine trusts every certificate that the CA option lists, and no other',
  },
  tlsAllowInvalidHostnames: {
    refused: "the engine always checks the server's name together with its certificate",
    // The driver turns it into a function that checks nothing: see the next one.
    asked: () => false,
  },
  checkServerIdentity: {
    refused:
      "the engine always checks the server's name together with its certificate (tlsAllowInvalidHostnames sets this too)",
    asked: (options) => checksCertificates(options) && options.checkServerIdentity != null,
  },
  tlsCRLFile: { refused: "the engine can't look at revocation lists" },
  crl: { refused: "the engine can't look at revocation lists" },
  pfx: { refused: 'the engine reads PEM only: convert it, and give cert and key' },
  secureContext: { refused: "a context of Node can't be carried over: give ca, cert and key" },
  ciphers: { refused: OTHER_TLS },
  ecdhCurve: { refused: OTHER_TLS },
  minDHSize: { refused: OTHER_TLS },
  secureProtocol: { refused: OTHER_TLS },
  servername: { refused: OTHER_TLS },
  ALPNProtocols: { refused: OTHER_TLS },
  session: { irrelevant: 'it only shortens handshakes' },
  pskCallback: UNUSED,
  SNICallback: UNUSED,
  requestCert: UNUSED,
  requestOCSP: UNUSED,
  enableTrace: UNUSED,
  index: UNUSED,
  autoEncryption: { refused: 'the engine reads and writes its own fields in the clear' },

  // The connections
  appName: 'carried',
  compressors: 'carried',
  zlibCompressionLevel: 'carried',
  maxPoolSize: 'carried',
  minPoolSize: 'carried',
  maxConnecting: 'carried',
  maxIdleTimeMS: 'carried',
  connectTimeoutMS: 'carried',
  serverSelectionTimeoutMS: 'carried',
  heartbeatFrequencyMS: 'carried',
  localThresholdMS: 'carried',
  retryReads: 'carried',
  retryWrites: 'carried',
  serverApi: 'carried',
  readConcern: 'carried',
  readConcernLevel: 'carried',
  readPreference: 'carried',
  readPreferenceTags: 'carried',
  maxStalenessSeconds: 'carried',
  writeConcern: 'carried',
  w: 'carried',
  journal: 'carried',
  j: 'carried',
  fsync: 'carried',
  wtimeout: 'carried',
  wtimeoutMS: 'carried',
  socketTimeoutMS: OWN_BOUND,
  waitQueueTimeoutMS: OWN_BOUND,
  timeoutMS: OWN_BOUND,
  minHeartbeatFrequencyMS: OWN_MONITOR,
  serverMonitoringMode: OWN_MONITOR,
  maxAdaptiveRetries: { irrelevant: 'the engine spaces its retries by itself' },
  enableOverloadRetargeting: { irrelevant: 'the engine spaces its retries by itself' },

  // Settings for data that the app's own client sends, receives and sees
  bsonRegExp: OWN_BSON,
  checkKeys: OWN_BSON,
  enableUtf8Validation: OWN_BSON,
  fieldsAsRaw: OWN_BSON,
  ignoreUndefined: OWN_BSON,
  promoteBuffers: OWN_BSON,
  promoteLongs: OWN_BSON,
  promoteValues: OWN_BSON,
  raw: OWN_BSON,
  serializeFunctions: OWN_BSON,
  useBigInt64: OWN_BSON,
  minInternalBufferSize: OWN_BSON,
  forceServerObjectId: { irrelevant: 'jobs have ids of their own' },
  pkFactory: { irrelevant: 'jobs have ids of their own' },
  dbName: { irrelevant: 'the database is the given one' },
  monitorCommands: OWN_LOGS,
  mongodbLogPath: OWN_LOGS,
  mongodbLogComponentSeverities: OWN_LOGS,
  mongodbLogMaxDocumentLength: OWN_LOGS,
  driverInfo: { irrelevant: 'the engine tells the server its own name' },
  name: { irrelevant: 'the engine tells the server its own name' },
  useNewUrlParser: UNUSED,
  useUnifiedTopology: UNUSED,
  __skipPingOnConnect: { irrelevant: 'the engine sends no ping when it connects' },
}

/** The options that were asked for and can't be honoured, each with the reason. */
export function refusals(options: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(OPTION_TABLE).flatMap(([name, rule]) => {
    if (rule === 'carried' || 'irrelevant' in rule) return []
    const isAsked = rule.asked?.(options) ?? options[name] != null
    return isAsked ? [`${name}: ${rule.refused}`] : []
  })
}
