import type { NativeConnection } from '../native/addon'
import type { ResolvedCredentials, ResolvedOptions } from './resolved-options'

type Credentials = Pick<
  NativeConnection,
  'username' | 'password' | 'authSource' | 'authMechanism' | 'awsSessionToken'
>

const NOBODY: Credentials = {
  username: null,
  password: null,
  authSource: null,
  authMechanism: null,
  awsSessionToken: null,
}

/** The mechanisms that the engine has. The first stands for "negotiate". */
const MECHANISMS = ['DEFAULT', 'SCRAM-SHA-1', 'SCRAM-SHA-256', 'MONGODB-X509', 'MONGODB-AWS', 'PLAIN']

/** A mechanism's properties that the engine knows, or that say nothing to the ones above. */
const PROPERTIES = ['AWS_SESSION_TOKEN']

/** The properties that a refusal quotes. */
const KNOWN_PROPERTIES = [
  ...['SERVICE_NAME', 'SERVICE_REALM', 'SERVICE_HOST', 'CANONICALIZE_HOST_NAME', 'AWS_CREDENTIAL_PROVIDER'],
  ...['OIDC_CALLBACK', 'OIDC_HUMAN_CALLBACK', 'ENVIRONMENT', 'ALLOWED_HOSTS', 'TOKEN_RESOURCE'],
]

/** The credentials of the client. Those that can't be carried over are added to `refused`. */
export function credentialsOf(options: ResolvedOptions, refused: string[]): Credentials {
  const { credentials } = options
  if (credentials == null) return NOBODY
  const mechanism = (credentials.mechanism ?? 'DEFAULT').toUpperCase()
  if (!MECHANISMS.includes(mechanism)) {
    refused.push(`authMechanism: the engine can't authenticate by ${mechanism}`)
    return NOBODY
  }
  const properties = credentials.mechanismProperties ?? {}
  for (const [name, value] of Object.entries(properties)) {
    if (PROPERTIES.includes(name) || value == null) continue
    // A part of a credential that was misspelt looks like a name.
    const known = KNOWN_PROPERTIES.includes(name) ? `.${name}` : ''
    refused.push(`authMechanismProperties${known}: the engine can't have it`)
  }
  return {
    username: presentText(credentials.username),
    // With a certificate there is none; elsewhere an empty one is a password like any other.
    password: mechanism === 'MONGODB-X509' ? null : passwordOf(credentials, mechanism),
    authSource: sourceOf(options, credentials),
    authMechanism: mechanism === 'DEFAULT' ? null : mechanism,
    awsSessionToken: presentText(properties.AWS_SESSION_TOKEN),
  }
}

function passwordOf(credentials: ResolvedCredentials, mechanism: string): string | null {
  return mechanism === 'MONGODB-AWS' ? presentText(credentials.password) : (credentials.password ?? null)
}

/**
 * The database that knows the user. A TXT record beside an SRV record may name it. Before the client has read that record, the choice is left
 * to the engine, which reads it too.
 */
function sourceOf(options: ResolvedOptions, credentials: ResolvedCredentials): string | null {
  const mayBeInTxtRecord =
    typeof options.srvHost === 'string' &&
    options.userSpecifiedAuthSource === false &&
    options.hosts.length === 0
  const source = presentText(credentials.source)
  return mayBeInTxtRecord && source !== '$external' ? null : source
}

/** The text, or null for an empty string, by which the driver spells "none". A value that is no text stays, to be refused later. */
function presentText(value: unknown): string | null {
  return value === '' ? null : ((value ?? null) as string | null)
}
