import type { Db } from 'mongodb'

/**
 * A client's options as its driver has resolved them. They are the driver's own affair, so only the used ones are spelt out, and as little as
 * possible is taken for granted.
 */
export interface ResolvedOptions extends Readonly<Record<string, unknown>> {
  readonly hosts: readonly HostAddress[]
  readonly srvHost?: string
  readonly srvServiceName?: string
  readonly srvMaxHosts?: number
  readonly userSpecifiedAuthSource?: boolean
  readonly replicaSet?: string
  readonly directConnection?: boolean
  readonly loadBalanced?: boolean
  readonly credentials?: ResolvedCredentials
  readonly tls?: boolean
  readonly rejectUnauthorized?: boolean
  readonly ca?: unknown
  readonly cert?: unknown
  readonly key?: unknown
  readonly passphrase?: string
  readonly tlsCAFile?: string
  readonly tlsCertificateKeyFile?: string
  readonly appName?: string
  readonly compressors?: readonly string[]
  readonly zlibCompressionLevel?: number
  readonly maxPoolSize?: number
  readonly minPoolSize?: number
  readonly maxConnecting?: number
  readonly maxIdleTimeMS?: number
  readonly connectTimeoutMS?: number
  readonly serverSelectionTimeoutMS?: number
  readonly heartbeatFrequencyMS?: number
  readonly localThresholdMS?: number
  readonly retryReads?: boolean
  readonly retryWrites?: boolean
  readonly serverApi?: {
    readonly version?: string
    readonly strict?: boolean
    readonly deprecationErrors?: boolean
  }
  readonly proxyHost?: string
  readonly proxyPort?: number
  readonly proxyUsername?: string
  readonly proxyPassword?: string
}

export interface HostAddress {
  readonly host?: string
  readonly port?: number
  readonly isIPv6?: boolean
  readonly socketPath?: string
}

export interface ResolvedCredentials {
  readonly username?: string
  readonly password?: string
  readonly source?: string
  readonly mechanism?: string
  readonly mechanismProperties?: Readonly<Record<string, unknown>>
}

/** The options of the client behind `db`. */
export function optionsOf(db: Db): ResolvedOptions {
  return db.client.options
}
